"""Recorded states, and what is made of them: videos, viewers, other formats."""
