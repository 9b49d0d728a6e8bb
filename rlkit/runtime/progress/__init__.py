"""How far a run is: schedule, state, metrics, and what a person sees of them."""
