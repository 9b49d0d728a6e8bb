"""Robots of others: found by a reference, read from MJCF or URDF, and given what a task needs."""
