"""What was typed: the words of the command line, checked before anything is composed."""
