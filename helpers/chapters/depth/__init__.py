"""Chapter 1, The depth problem: why a signal dies or explodes on its way through many layers."""
