"""What tasks on a set of objects share."""
