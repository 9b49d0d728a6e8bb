"""Our environments as other libraries want them: one file a library, each imports its own when it is asked for."""
