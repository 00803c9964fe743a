PROMISES = {
    "PyTorch, 100 steps": "AGREES",
    "Keras, 100 steps": "LARGE GAP",
    "Keras, 500 steps": "AGREES",
    "Keras and a drift": "LARGE GAP",
    "Batch of 2": None,
    "Batch of one": "REFUSED",
    "Batch of one, Keras": "LARGE GAP",
}
BAD = [
    ("convention", "JAX", "'Keras'"),
    ("batch", 0, "from 1 to 64"),
    ("steps", 9, "from 10 to 500"),
    ("drift", 2.5, "from 0.0 to 2.0"),
]
DRAWN_AT = {"batch": 8}
