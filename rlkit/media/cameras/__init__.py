"""Pictures that a policy sees, drawn while the env goes on."""
