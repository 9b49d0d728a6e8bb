"""MuJoCo's physics in NVIDIA Warp, for GPUs; it runs on the CPU too, on one core."""
