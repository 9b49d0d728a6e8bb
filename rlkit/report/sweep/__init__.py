"""A page about a sweep."""
