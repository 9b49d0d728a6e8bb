"""Trained policies that come with rlkit, each a folder here: card.yaml, config.yaml and nn/checkpoint_best.pth.

`zoo:NAME` stands for one of them wherever a checkpoint is asked for; `rlkit.zoo.card` reads what is known of it.
docs/zoo.md is the guide.
"""

from rlkit.zoo.shipped import (
    PREFIX,
    SETTINGS,
    ZooError,
    folder_of,
    is_shipped,
    policy_folder,
    shipped,
    size_of,
    unknown,
)
