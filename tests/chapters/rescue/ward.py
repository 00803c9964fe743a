PROMISES = {"As found": "STUCK"}
BAD = [
    ("level", 4, "from 1 to 3"),
    ("patient", 0, "from 1 to 60"),
    ("patient", 2.5, "whole"),
    ("disease", "flu", "'η too small'"),
    ("init", "Xavier", "'as found'"),
    ("lr", 0.01, "'0.01'"),
]
DRAWN_AT = None
