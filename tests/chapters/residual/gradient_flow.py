PROMISES = {
    "A popular cell: g² = 0.7": "EXPLODES",
    "Fifty times 1.1": "GROWS",
    "Branches over √D": "BOUNDED",
    "LayerNorm in F": "BOUNDED",
    "Learned scales": "BOUNDED",
    "Above 1, with a skip": "EXPLODES",
}
BAD = [
    ("depth", 0, "from 1 to 100"),
    ("depth", 101, "from 1 to 100"),
    ("depth", 2.5, "from 1 to 100"),
    ("factor", 0, "from 0.05 to 1.5"),
    ("factor", 1.6, "from 0.05 to 1.5"),
    ("scale", 1, "'1/√D'"),
    ("scale", "1/D", "'1/√D'"),
    ("blocks", "matrices", "'random matrices'"),
    ("norm", "RMSNorm", "'LayerNorm'"),
]
DRAWN_AT = {}
