PROMISES = {"Thrown": "THROWN", "Contained": "SOLVED", "τ too small": "NOT THERE", "Turned": None}
BAD = [
    ("max_norm", 0, "from 0.01 to 1000000.0"),
    ("lr", 100, "from 0.03 to 10.0"),
    ("start", 0, "from 1 to 32"),
    ("mode", "global", "'global norm'"),
]
DRAWN_AT = {"max_norm": 0.3}
