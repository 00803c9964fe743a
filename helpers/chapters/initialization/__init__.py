"""Chapter 2, Initialization: how large the first weights should be."""
