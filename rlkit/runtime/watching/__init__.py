"""Looking at a policy: recorders, live viewers, videos of episodes."""
