"""Chapter 1, The depth problem: why a signal dies or explodes on its way through many layers."""

HEALTHY = 3  # decades


def is_healthy(log_ratio):
    """Does a gradient ratio R, given as log10, lie between 10⁻³ and 10³?"""
    return abs(log_ratio) <= HEALTHY
