PROMISES = {
    "One layer": None,
    "Linear, Gaussian": "VERY UNEQUAL",
    "Linear, orthogonal": "ALL ALIKE",
    "ReLU with He": "SINGULAR",
    "tanh, orthogonal": "UNEQUAL",
}
SOLUTIONS = {
    "Above 1, and yet it vanishes": {"sigma_w": 0.75, "depth": 40},
    "All directions alike": {"weights": "orthogonal"},
    "Orthogonal is not enough": {"activation": "ReLU"},
}
BAD = [
    ("depth", 41, "from 1 to 40"),
    ("sigma_w", 0.4, "from 0.5 to 16"),
    ("weights", "gaussian", "'Gaussian'"),
    ("activation", "GELU", "'ReLU'"),
    ("seed", 1.5, "from 0 to 999999"),
]
DRAWN_AT = {}
