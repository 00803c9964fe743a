PROMISES = {
    "No norm, too large": "DRIFTS",
    "No norm, He": "STABLE",
    "BatchNorm, too large": "STABLE",
    "After the ReLU": "STABLE",
    "LayerNorm, 50 layers": "STABLE",
    "BatchNorm, 50 layers": "STABLE",
}
BAD = [
    ("norm", "InstanceNorm", "'GroupNorm'"),
    ("place", "before", "'before the ReLU'"),
    ("depth", 1, "from 2 to 50"),
    ("width", 257, "from 16 to 256"),
    ("sigma_w", 0, "from 0.35"),
]
DRAWN_AT = {"depth": 10, "width": 32}
