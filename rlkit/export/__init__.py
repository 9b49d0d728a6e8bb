"""A policy as files for other programs."""
