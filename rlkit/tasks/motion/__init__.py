"""What tasks on motion data share: the reference that each env follows, how far off it is, terms made of that."""
