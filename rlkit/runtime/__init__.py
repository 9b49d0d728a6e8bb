"""The loops that train and test, and what they share."""
