"""Clips of what policies have done: out of recorded episodes, cut into loops."""
