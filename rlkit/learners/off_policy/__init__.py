"""What learners share that learn from a replay of transitions: the replay, the critics, one turn and the loop."""
