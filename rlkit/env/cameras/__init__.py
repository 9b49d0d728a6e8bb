"""Cameras in a task's scene, whose pictures the policy sees."""
