"""A robot beside its reference at one moment: what several terms ask for, reckoned when first asked and then kept."""

from __future__ import annotations

from functools import cached_property

from torch import Tensor

from rlkit.motion.features import anchored
from rlkit.motion.library import MotionState
from rlkit.sims.api import Index


class Beside:
    """N robots, B bodies, the root first, b of them `tracked`; anchor: number of a body."""

    def __init__(self, state: MotionState, reference: MotionState, tracked: Index, anchor: int) -> None:
        self._state, self._reference = state, reference
        self._tracked, self._anchor = tracked, anchor

    @cached_property
    def off(self) -> Tensor:
        """`[N, B, 3]` m: where the bodies are less where they should be, world axes."""
        return self._state.body_pos - self._reference.body_pos

    @cached_property
    def body_errors(self) -> Tensor:
        """`[N, b]` m: distances of the tracked bodies to the reference's."""
        return lengths(self.off[:, self._tracked])

    @cached_property
    def mean_error(self) -> Tensor:
        """`[N]` m, of the `body_errors`."""
        return self.body_errors.mean(dim=-1)

    @cached_property
    def relative_error(self) -> Tensor:
        """`[N]` m: the mean distance of the tracked bodies to the reference's with both roots in one place."""
        return lengths((self.off - self.off[:, :1])[:, self._tracked]).mean(dim=-1)

    @cached_property
    def joint_error(self) -> Tensor:
        """`[N]` rad: mean difference of the joints."""
        return (self._state.joint_pos - self._reference.joint_pos).abs().mean(dim=-1)

    @cached_property
    def moved(self) -> tuple[Tensor, Tensor]:
        """`[N, B, 3]` m and `[N, B, 4]` wxyz, body to world: the reference, moved to the robot by `anchored`."""
        state, reference, anchor = self._state, self._reference, self._anchor
        return anchored(
            state.body_pos[:, anchor],
            state.body_quat[:, anchor],
            reference.body_pos[:, anchor],
            reference.body_quat[:, anchor],
            reference.body_pos,
            reference.body_quat,
        )


def lengths(vectors: Tensor) -> Tensor:
    """`[...]` m of vectors `[..., 3]` m; `torch.norm` takes thirty times as long where x, y and z lie apart."""
    return vectors.square().sum(dim=-1).sqrt()


def apart(vectors: Tensor) -> Tensor:
    """The same vectors `[..., B, 3]` or quaternions `[..., B, 4]`, laid out as the library's: all x, then all y …"""
    return vectors.transpose(-1, -2).contiguous().transpose(-1, -2)


def mean_square(vectors: Tensor) -> Tensor:
    """`[N]`: the mean over B of the squared lengths of vectors `[N, B, 3]`."""
    return vectors.square().sum(dim=(-1, -2)) / vectors.shape[1]
