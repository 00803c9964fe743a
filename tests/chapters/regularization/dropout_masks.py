PROMISES = {
    "As in 2014: p = 0.5": "MEAN KEPT",
    "A Transformer's 0.1": "MEAN KEPT",
    "No rescaling": "MEAN SHRINKS",
    "p as keep": "MEAN KEPT",
}
BAD = [
    ("p", 0, "from 0.05 to 0.95"),
    ("p", 1, "from 0.05 to 0.95"),
    ("passes", 257, "from 1 to 256"),
    ("passes", 2.0, "from 1 to 256"),
    ("width", 16, "from 32 to 512"),
    ("form", "Inverted", "'inverted'"),
]
DRAWN_AT = {"p": 0.3}
