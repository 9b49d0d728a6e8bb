"""A policy or a recording on another engine: what differs."""
