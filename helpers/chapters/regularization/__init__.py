"""Chapter 5, Regularization: not learning by heart."""
