"""The soccer tasks of the package sai-mujoco: what makes them run here, and what makes them trainable."""
