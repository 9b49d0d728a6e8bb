"""Tasks, learners, networks and simulators of others: found by name, read as text, imported where that is allowed."""
