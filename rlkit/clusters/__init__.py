"""Jobs for a batch system: the same commands in a script that SLURM runs, and runs again after a preemption."""
