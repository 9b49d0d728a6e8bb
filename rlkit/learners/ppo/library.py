"""The parts of rl_games that PPO is made of, imported and built without what it does on the side.

On import rl_games decorates an example network of its own with `torch.compile`, which loads the whole
compiler: one second of every start, for a network that nobody builds.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from typing import Any, Iterator

import torch

from rlkit.learners import optimizers

_compile = torch.compile
torch.compile = lambda function: function
try:
    from rl_games.algos_torch.a2c_continuous import A2CAgent
    from rl_games.algos_torch.model_builder import register_network
    from rl_games.algos_torch.network_builder import A2CBuilder
    from rl_games.algos_torch.torch_ext import policy_kl
    from rl_games.common import a2c_common
    from rl_games.common.algo_observer import AlgoObserver
    from rl_games.common.ivecenv import IVecEnv
finally:
    torch.compile = _compile

__all__ = [
    "A2CAgent",
    "A2CBuilder",
    "AlgoObserver",
    "IVecEnv",
    "a2c_common",
    "no_files_no_prints",
    "policy_kl",
    "register_network",
]


@contextlib.contextmanager
def no_files_no_prints(config: dict[str, Any]) -> Iterator[None]:
    """While an agent is built: its folders go to a temporary place, its writer and its prints nowhere.

    Its optimisers are those that leave torch's compiler alone.
    """
    writer, adam = a2c_common.SummaryWriter, torch.optim.Adam
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        config["train_dir"] = folder
        a2c_common.SummaryWriter, torch.optim.Adam = lambda _: None, optimizers.Adam
        try:
            yield
        finally:
            a2c_common.SummaryWriter, torch.optim.Adam = writer, adam
