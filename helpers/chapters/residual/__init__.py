"""Chapter 4, Residual connections: layers that only add."""
