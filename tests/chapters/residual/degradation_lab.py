PROMISES = {
    "Plain + BN": "DEGRADED",
    "Plain, small η": "DEGRADED",
    "Residual + BN": "NOT DEGRADED",
    "Residual without a norm": "DIVERGED",
    "Residual, scale 1/√D": "NOT DEGRADED",
}
BAD = [
    ("build", "plain+BN", "'plain + BN'"),
    ("scale", "1/L", "'1/√D'"),
    ("shallow", 7, "from 8 to 20"),
    ("deep", 57, "from 20 to 56"),
    ("epochs", 0, "from 1 to 14"),
    ("lr", 0, "from 0.001 to 0.3"),
    ("seeds", 4, "from 1 to 3"),
]
DRAWN_AT = {"build": "plain", "shallow": 8, "deep": 20, "epochs": 1}
