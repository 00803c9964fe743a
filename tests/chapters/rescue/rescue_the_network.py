PROMISES = {"A healthy network": "HEALTHY", "All at once": "TRAINS"}
BAD = [
    ("patient", "H", "'A', 'B'"),
    ("init", "he", "'He'"),
    ("norm", "LayerNorm", "'BatchNorm'"),
    ("lr", 10, "from 0.0001 to 3.0"),
    ("clip", 1, "'off'"),
]
DRAWN_AT = {"lr": 0.03}
