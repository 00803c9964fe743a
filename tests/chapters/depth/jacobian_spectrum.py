PROMISES = {
    "One layer": None,
    "Linear, Gaussian": "VERY UNEQUAL",
    "Linear, orthogonal": "ALL ALIKE",
    "ReLU with He": "SINGULAR",
    "tanh, orthogonal": "UNEQUAL",
}
BAD = [
    ("depth", 41, "from 1 to 40"),
    ("sigma_w", 0.4, "from 0.5 to 16"),
    ("weights", "gaussian", "'Gaussian'"),
    ("activation", "GELU", "'ReLU'"),
    ("seed", 1.5, "from 0 to 999999"),
]
DRAWN_AT = {}
