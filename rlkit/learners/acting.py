"""What learners share where their policies act outside training."""

from __future__ import annotations

import copy

import torch
from torch import nn

# Away from the seeds of the tasks and learners of a run, which are those that users choose.
_NOISE_SEED_OFFSET = 7_000_003


def noise_generator(device: torch.device) -> torch.Generator:
    """Random numbers for actions, decided by the seed of torch's global generator, from which nothing is drawn."""
    seed = (torch.initial_seed() + _NOISE_SEED_OFFSET) % 2**63
    return torch.Generator(device=device).manual_seed(seed)


def detached(*stages: nn.Module) -> nn.Module:
    """The stages one after another as one module: a copy in float32 on the CPU, without gradients."""
    return copy.deepcopy(nn.Sequential(*stages)).cpu().float().eval().requires_grad_(False)
