"""The process itself: its streams, logs, signals, seeds, ranks and start."""
