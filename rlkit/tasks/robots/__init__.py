"""The robots that tasks share: names, servos, first poses."""
