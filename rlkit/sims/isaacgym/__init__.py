"""Isaac Gym Preview 4: PhysX for thousands of envs on one GPU, for Python 3.8 alone."""
