PROMISES = {
    "0.9 fifty times": "HEALTHY",
    "1.1 fifty times": "HEALTHY",
    "Sigmoid, 20 layers": "VANISHES",
    "tanh, 20 layers": "HEALTHY",
    "ReLU with He": "HEALTHY",
}
BAD = [
    ("depth", 0, "from 1 to 100"),
    ("depth", 101, "from 1 to 100"),
    ("factor", 0.4, "from 0.5 to 1.5"),
    ("factor", float("nan"), "from 0.5 to 1.5"),
    ("sigma_w", 17, "from 0.25 to 16"),
    ("chain", "number", "'a number'"),
    ("activation", "relu", "'ReLU'"),
]
DRAWN_AT = None
