"""Checkpoints and weights: read without torch, written whole, followed while a run trains."""
