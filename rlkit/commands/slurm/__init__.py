"""`rlkit slurm`: the script that sbatch takes for a request, for who must submit by hand."""

from __future__ import annotations

import argparse

HELP = "print the sbatch script of a training or a sweep, checked: rlkit slurm WORDS > job.sh"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the words."""
    parser.description = (
        "Print the script that `python train.py -m hydra/launcher=slurm WORDS` submits: each job is checked first, goes"
        " on in its run folder after a preemption, and is told before its time is over. docs/clusters.md has the rest."
    )
    parser.add_argument(
        "words",
        metavar="WORD",
        nargs="+",
        help="those of train.py, with -m a sweep; hydra/launcher=slurm_gpus, hydra.launcher.time=4:00:00: what job",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print it. Raises RlkitError for a request that cannot be met."""
    from rlkit.clusters.request import own_request  # only here: Hydra comes with them
    from rlkit.clusters.submit import printed

    print(printed(own_request(arguments.words)), end="")
    return 0
