PROMISES = {"A healthy network": "SOLVED", "All at once": "TRAINS"}
SOLUTIONS = {
    "A, without a skip": {"init": "orthogonal"},
    "B, without a skip": {"norm": "BatchNorm"},
    "D, keeping η": {"clip": "1"},
    "G, two diseases": {"skip": "on", "lr": 0.03},
}
BAD = [
    ("patient", "H", "'A', 'B'"),
    ("init", "he", "'He'"),
    ("norm", "LayerNorm", "'BatchNorm'"),
    ("lr", 10, "from 0.0001 to 3.0"),
    ("clip", 1, "'off'"),
]
DRAWN_AT = {"lr": 0.03}
