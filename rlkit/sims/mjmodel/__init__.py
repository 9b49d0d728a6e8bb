"""MuJoCo's model as every engine of its family reads it."""
