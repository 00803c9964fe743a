"""Chapter 3, Batch normalization: correcting the signal while the network trains."""
