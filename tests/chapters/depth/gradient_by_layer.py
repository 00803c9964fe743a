PROMISES = {
    "Sigmoid": "VANISHES",
    "tanh": "HEALTHY",
    "ReLU, Xavier": None,
    "ReLU, He": "HEALTHY",
    "Sigmoid above 0.25": "VANISHES",
    "Large sigmoid weights": "HEALTHY",
}
BAD = [
    ("depth", 61, "from 1 to 60"),
    ("width", 15, "from 16 to 256"),
    ("width", 257, "from 16 to 256"),
    ("sigma_w", 0.2, "from 0.25 to 16"),
    ("scheme", "he", "'He'"),
    ("activation", "swish", "'tanh'"),
    ("seed", -1, "from 0 to 999999"),
]
DRAWN_AT = {"scheme": "He"}
