"""What stands in conf/ and in the tasks' sources, read without Hydra and without importing a task."""
