"""The environment: a simulator and a task become what a learner sees."""
