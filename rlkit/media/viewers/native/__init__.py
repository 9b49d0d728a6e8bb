"""The viewer in a window of MuJoCo's own."""
