PROMISES = {
    "A popular cell: g² = 0.7": "EXPLODES",
    "Fifty times 1.1": "GROWS",
    "Branches over √L": "BOUNDED",
    "LayerNorm in F": "BOUNDED",
    "Learned scales": "BOUNDED",
    "Above 1, with a skip": "EXPLODES",
}
BAD = [
    ("depth", 0, "from 1 to 100"),
    ("depth", 101, "from 1 to 100"),
    ("depth", 2.5, "from 1 to 100"),
    ("gain", 0, "from 0.05 to 1.5"),
    ("gain", 1.6, "from 0.05 to 1.5"),
    ("scale", 1, "'1/√L'"),
    ("scale", "1/L", "'1/√L'"),
    ("blocks", "matrices", "'random matrices'"),
    ("norm", "RMSNorm", "'LayerNorm'"),
]
DRAWN_AT = {}
