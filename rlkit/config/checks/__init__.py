"""What cannot go together: checks on the composed settings, and what `auto` becomes."""
