"""Networks of all learners: layers, classes of the user's own, weights from elsewhere."""
