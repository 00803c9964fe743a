PROMISES = {
    "Ordered": "ORDERED",
    "Critical tanh": "CRITICAL",
    "Chaotic": "CHAOTIC",
    "He and ReLU": "CRITICAL",
    "Usual sigmoid": "ORDERED",
}
BAD = [
    ("sigma_w", 0, "from 0.25 to 16"),
    ("sigma_b", -0.1, "from 0.0 to 3.0"),
    ("correlation", 1, "from -0.5 to 0.99"),
    ("activation", "gelu", "'tanh'"),
]
DRAWN_AT = {"sigma_w": 1.5}
