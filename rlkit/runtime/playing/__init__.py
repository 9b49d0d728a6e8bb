"""A policy plays: rollouts, tests, evaluations, and the episodes that are counted."""
