"""What a viewer is to the code that has something to show: what it is shown, and what is asked for in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Mapping, Sequence, Tuple

from rlkit.errors import RlkitError

if TYPE_CHECKING:
    import numpy as np

Push = Tuple[str, float, float, float]
"""A body's name and the force on it [N], world frame."""


class ViewerError(RlkitError):
    """The viewer asked for cannot work here."""


@dataclass(frozen=True)
class Frame:
    """One state of one env, and what is known about it.

    step, time [s]: since the episode began. qpos: [nq] of the model. reward: of the step that led here;
    total: the return so far; terms: its weighted reward terms by name; metrics: the task's numbers of it.
    caption: such as "iteration 350". ghost: [nq], where the task's reference is, if it has one.
    """

    env: int
    episode: int
    step: int
    time: float
    qpos: np.ndarray
    reward: float = 0.0
    total: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)
    caption: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    ghost: np.ndarray | None = None


@dataclass
class UserInput:
    """What the user asked for since the last look; all but `env` are asked for once.

    latent: which one the shown env is to keep to; empty: those that its task draws. targets: what it is to be shown of
    its targets, of which bodies, and of goals where these are to be, `[3]` m, world frame.
    """

    env: int = 0
    push: Push | None = None
    checkpoint: str | None = None
    restart: bool = False
    latent: tuple[float, ...] | None = None
    targets: tuple[str, tuple[str, ...], Mapping[str, tuple[float, ...]]] | None = None


class Viewer(ABC):
    """Shows the frames of one env at the pace the user sets, and collects what the user asks for.

    address: where a browser finds it, None for a window. env: which env to show; the caller sends no other.
    """

    address: str | None = None
    env: int = 0

    @abstractmethod
    def show(self, frame: Frame) -> None:
        """Draw, then wait until the next frame is due: real time times the speed that is set.

        While paused this blocks until the user steps, resumes, closes, or asks for what the caller
        must see to be fulfilled: another env, another checkpoint, a restart.
        """

    def set_model(self, mjcf: str) -> None:
        """Show another model of the same layout from the next frame on; a viewer without shapes, as here, leaves it.

        Raises ViewerError for one that MuJoCo cannot compile.
        """

    @abstractmethod
    def poll_input(self) -> UserInput:
        """What the user asked for since the last call."""

    @abstractmethod
    def offer_checkpoints(self, names: Sequence[str], playing: str) -> None:
        """Let the user choose among `names`; `playing` is the one in use."""

    def offer_latents(self, size: int) -> None:
        """Let the user choose a latent of `size` numbers; a viewer without such controls, as here, leaves it."""

    def offer_targets(
        self, choices: Sequence[str], bodies: Sequence[str], show: str, only: Sequence[str]
    ) -> None:
        """Let the user choose what is shown of targets: at first `show`, one of `choices`, of the bodies `only`.

        A viewer without such controls, as here, leaves it.
        """

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether the user closed it, or `close` was called."""

    @abstractmethod
    def close(self) -> None:
        """Take it off the screen and free its port; a second call does nothing."""
