"""The tasks of going as commanded, with what they share."""
