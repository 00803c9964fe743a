PROMISES = {
    "0.9 fifty times": "HEALTHY",
    "1.1 fifty times": "HEALTHY",
    "Sigmoid, 20 layers": "VANISHES",
    "tanh, 20 layers": "HEALTHY",
    "ReLU with He": "HEALTHY",
}
SOLUTIONS = {
    "How exact?": {"gain": 0.94},
    "0.007 over 30 layers": {"gain": 0.85},
    "A sigmoid that does not vanish": {"sigma_w": 10.15},
}
BAD = [
    ("depth", 0, "from 1 to 100"),
    ("depth", 101, "from 1 to 100"),
    ("gain", 0.4, "from 0.5 to 1.5"),
    ("gain", float("nan"), "from 0.5 to 1.5"),
    ("sigma_w", 17, "from 0.25 to 16"),
    ("chain", "number", "'a number'"),
    ("activation", "relu", "'ReLU'"),
]
DRAWN_AT = None
