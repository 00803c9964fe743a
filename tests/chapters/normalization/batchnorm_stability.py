PROMISES = {
    "No norm, η = 0.5": None,
    "BatchNorm, η = 0.5": "LEARNS",
    "BatchNorm, η = 10": None,  # it stalls or diverges, by its seed: tests/test_batchnorm_stability.py
    "LayerNorm, η = 0.5": None,
    "Large weights": "LEARNS",
    "Batch of 4": "STALLS",
    "20 layers": "STALLS",
}
BAD = [
    ("norm", "InstanceNorm", "'GroupNorm'"),
    ("lr", 0, "from 0.001 to 30"),
    ("lr", 31, "from 0.001 to 30"),
    ("depth", 1, "from 2 to 20"),
    ("batch", 1, "from 2 to 64"),
    ("batch", 65, "from 2 to 64"),
    ("sigma_w", -1, "from 0.35"),
]
DRAWN_AT = {"depth": 2, "batch": 8}
