"""A strict stand-in for NVIDIA's Isaac Gym Preview 4, for tests: not NVIDIA's code, and nothing of it is in here.

It has the calls that rlkit uses, refuses every misuse of them that it knows (`GymMisuse`), and steps small scenes with
MuJoCo. Where its signatures and rules come from: the type stubs yzqin/isaacgym-stubs (Preview 4, 1.0rc4), which carry
the documentation of each call; the use of the calls in isaac-sim/IsaacGymEnvs; the tensor API's documentation.
"""

from isaacgym import gymdeps  # noqa: F401
