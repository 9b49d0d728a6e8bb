"""What `rlkit COMMAND` does: one command a file, with HELP, configure(parser) and run(arguments)."""
