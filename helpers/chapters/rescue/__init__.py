"""Chapter 6, the capstone: find the disease of a network that does not train, and cure it."""
