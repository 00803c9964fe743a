import numpy as np

PROMISES = {
    "N(0, 1): explodes": "EXPLODES",
    "Xavier with ReLU": "VANISHES",
    "PyTorch default": "VANISHES",
    "Xavier with tanh": None,
    "He, width 16": "VANISHES",
    "He's gradient": "HOLDS",
}
BAD = [
    ("width", 8, "from 16 to 512"),
    ("width", 513, "from 16 to 512"),
    ("width", 64.5, "from 16 to 512"),
    ("width", "64", "from 16 to 512"),
    ("depth", 0, "from 1 to 60"),
    ("depth", 61, "from 1 to 60"),
    ("depth", True, "from 1 to 60"),
    ("layer", -1, "from 0 to 60"),
    ("sigma_w", np.nan, "from 0.125 to 22.6"),
    ("sigma_w", 0.1, "from 0.125 to 22.6"),
    ("sigma_w", 23, "from 0.125 to 22.6"),
    ("scheme", "Hee", "'He'"),
    ("activation", "Relu", "'ReLU'"),
    ("quantity", "E[h2]", "'E[h²]'"),
    ("direction", None, "'forward', 'backward'"),
    ("seed", -1, "from 0 to 999999"),
    ("seed", 1.5, "from 0 to 999999"),
]
DRAWN_AT = {"sigma_w": 1.5}
