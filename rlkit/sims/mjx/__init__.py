"""MuJoCo's physics in JAX (MJX): one compiled program steps all environments, on the CPU or a CUDA device."""
