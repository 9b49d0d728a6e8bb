"""Trackers of others, each in a process of its own that a training never waits for."""
