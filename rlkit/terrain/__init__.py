"""Rough ground: kinds of patches, the height field that holds them, its place in a model, and where it is how high."""
