"""Episodes in the files of others."""
