"""Recorded motions of robots: clips, what is known of them at any time, and where they are drawn from.

docs/motion.md is the guide. Importing this package imports nothing: `entry`, `robots` and `collection` need the
standard library alone, so that a request which names a wrong clip is refused before torch is imported.
"""
