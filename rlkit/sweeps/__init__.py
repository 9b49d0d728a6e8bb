"""Sweeps: several runs of one command, one after another or several at a time, chosen by a grid or by Optuna."""
