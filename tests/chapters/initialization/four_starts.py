PROMISES = {
    "Small weights, large steps": "STUCK",
    "Large weights, tiny steps": None,
}
BAD = [
    ("start", "tiny", "'medium'"),
    ("step", 201, "from 0 to 200"),
    ("depth", 1, "from 2 to 10"),
    ("depth", 11, "from 2 to 10"),
    ("lr", 0, "from 0.001 to 5"),
]
DRAWN_AT = {"step": 3}
