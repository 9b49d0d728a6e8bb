"""Motions in words, and as models and states that are drawn."""
