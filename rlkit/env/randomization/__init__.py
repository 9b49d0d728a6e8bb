"""Domain randomisation: draws, factors, noise, latency, pushes and the curriculum over them."""
