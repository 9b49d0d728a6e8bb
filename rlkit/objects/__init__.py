"""Objects that a hand takes: their shapes, what they weigh, and meshes of the user's."""
