PROMISES = {
    "No decay": "OVERFIT",
    "AdamW, λ = 3": "BALANCED",
    "Too much": "UNDERFIT",
    "Adam + L2, λ = 0.03": "BALANCED",
    "… with gradients × 100": "OVERFIT",
    "SGD, ηλ > 2": "DIVERGED",
}
BAD = [
    ("weight_decay", -0.1, "from 0.0 to 30.0"),
    ("weight_decay", 31, "from 0.0 to 30.0"),
    ("gradient_scale", 0, "from 0.01 to 100.0"),
    ("optimizer", "Adam W", "'AdamW'"),
]
DRAWN_AT = {"weight_decay": 1.0}
