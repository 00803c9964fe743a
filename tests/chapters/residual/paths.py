PROMISES = {
    "27 blocks, untrained": "UNTRAINED",
    "27 blocks, trained": "WHOLE",
    "Cut one block": "SURVIVES",
    "Keep half of the blocks": "BREAKS",
}
BAD = [
    ("network", "untrained", "'trained'"),
    ("depth", 2, "from 3 to 27"),
    ("deleted", -1, "from 0 to 27"),
    ("deleted", 28, "from 0 to 27"),
    ("keep", 0, "from 0.1 to 1"),
    ("keep", 1.1, "from 0.1 to 1"),
]
DRAWN_AT = {"depth": 3, "network": "at the start"}
