"""What this machine, the simulators and the learners can do, known without importing any of them."""
