PROMISES = {
    "BatchNorm": "ACROSS EXAMPLES",
    "LayerNorm": "WITHIN ONE EXAMPLE",
    "InstanceNorm": "WITHIN ONE EXAMPLE",
    "GroupNorm, G = 2": "WITHIN ONE EXAMPLE",
    "Dense layer, BatchNorm": "ACROSS EXAMPLES",
    "A batch of one": "REFUSED",
}
BAD = [
    ("norm", "PowerNorm", "'GroupNorm'"),
    ("examples", 0, "from 1 to 6"),
    ("channels", 13, "from 4 to 12"),
    ("size", 5, "from 1 to 4"),
    ("groups", 0, "from 1 to 4"),
    ("example", 7, "from 1 to 6"),
]
DRAWN_AT = None
