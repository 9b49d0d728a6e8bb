"""Clips on the device, and where everything of the robot is at any time of them."""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.motion.clip import ARRAYS, Clip, JointMirror, mirrored
from rlkit.motion.differences import (
    angular_velocities,
    joint_velocities,
    linear_velocities,
    moved_on,
    spans_of,
)
from rlkit.motion.errors import MotionError
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.quality import loop_gaps
from rlkit.motion.robots import Robot, require_fit
from rlkit.rotations import about_z, multiply, rotate, slerp, slerp_shares

_UNIT = 1e-3  # that a quaternion's length may differ from 1
_AT_THE_END = 1e-4  # s: times are sums of steps in float32


class MotionState(NamedTuple):
    """The robot at moments of motions: `[...]` of them, J joints, B bodies, the root first; world frame.

    joint_pos: `[..., J]` rad. joint_vel: `[..., J]` rad/s. body_pos: `[..., B, 3]` m. body_quat: `[..., B, 4]` wxyz,
    body to world. body_lin_vel: `[..., B, 3]` m/s of the bodies' origins. body_ang_vel: `[..., B, 3]` rad/s.
    """

    joint_pos: Tensor
    joint_vel: Tensor
    body_pos: Tensor
    body_quat: Tensor
    body_lin_vel: Tensor
    body_ang_vel: Tensor

    @property
    def root_pos(self) -> Tensor:
        """`[..., 3]` m, world frame."""
        return self.body_pos[..., 0, :]

    @property
    def root_quat(self) -> Tensor:
        """`[..., 4]` wxyz, body to world."""
        return self.body_quat[..., 0, :]

    @property
    def root_lin_vel(self) -> Tensor:
        """`[..., 3]` m/s, world frame."""
        return self.body_lin_vel[..., 0, :]

    @property
    def root_ang_vel(self) -> Tensor:
        """`[..., 3]` rad/s, world frame."""
        return self.body_ang_vel[..., 0, :]


class Pose(NamedTuple):
    """How the robot stands at moments of motions, without what follows from that; world frame.

    root_pos: `[..., 3]` m. root_quat: `[..., 4]` wxyz, body to world. joint_pos: `[..., J]` rad.
    """

    root_pos: Tensor
    root_quat: Tensor
    joint_pos: Tensor


class MotionLibrary:
    """C clips of one robot; nothing that is asked in a step comes to the host.

    clips: those that it holds, one after the other. kinematics: of their robot; its device is the library's. weights:
    `[C]` how often each is wanted, 1 where nothing is said. fps: resample clips to about this rate; None keeps each
    clip's own. joint_mirror: each clip is followed by its mirror image, of the same weight. An hour of an H1 at 50 Hz
    takes 215 MB.

    entries: the facts of the clips, names: how they are called. durations: `[C]` s. loops: `[C]` bool. weights: `[C]`,
    their sum is 1. fingerprint: 16 hexadecimal digits of the content, in its order. Raises MotionError for clips of
    another robot, for numbers that are not finite or no rotations, and for loops that do not close.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        kinematics: Kinematics,
        *,
        weights: Sequence[float] | None = None,
        fps: float | None = None,
        joint_mirror: JointMirror | None = None,
    ) -> None:
        if not clips:
            raise MotionError("a motion library needs a clip at least")
        weights = [1.0] * len(clips) if weights is None else list(weights)
        if len(weights) != len(clips) or min(weights) < 0.0 or not 0.0 < sum(weights) < float("inf"):
            raise MotionError(
                f"weights of {len(clips)} clips are as many numbers from 0 on, not all 0; got {weights}"
            )
        self.device, self.robot = kinematics.device, kinematics.robot
        clips = [_fitting(clip, self.robot) for clip in clips]
        if fps is not None:
            clips = [clip.resampled(fps) for clip in clips]
        if joint_mirror is not None:
            clips = [image for clip in clips for image in (clip, mirrored(clip, joint_mirror))]
            weights = [weight for weight in weights for _ in range(2)]
        self.has_mirror_images = joint_mirror is not None
        self.entries = tuple(clip.entry for clip in clips)
        self.names = tuple(entry.name for entry in self.entries)
        self.fingerprint = _fingerprint(clips)
        self.weights = torch.tensor(weights, device=self.device) / sum(weights)
        self._hold(clips, kinematics)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def nbytes(self) -> int:
        """Bytes of the device that the frames take."""
        return sum(held.numel() * held.element_size() for held in (self._rows, self._poses))

    def _hold(self, clips: Sequence[Clip], kinematics: Kinematics) -> None:
        """All frames in one tensor, a row each, so that a lookup is one gather."""
        root_pos, root_quat, joint_pos = (
            torch.from_numpy(
                np.concatenate([np.asarray(getattr(clip, name), np.float32) for clip in clips])
            ).to(self.device)
            for name in ARRAYS
        )
        root_quat = torch.nn.functional.normalize(root_quat, dim=-1)
        entries = self.entries
        self._spans = spans = spans_of(
            root_pos,
            root_quat,
            [entry.frames for entry in entries],
            [entry.fps for entry in entries],
            [entry.loop for entry in entries],
        )
        self.loops = spans.loop
        self.durations = (spans.last - spans.first) / spans.fps
        self._any_loop = any(entry.loop for entry in entries)
        self._sizes = _Sizes(len(self.robot.bodies), joint_pos.shape[1])
        self._poses = torch.cat((root_pos, joint_pos, root_quat), dim=-1)
        body_pos, body_quat = kinematics.poses(root_pos, root_quat, joint_pos)
        self._rows = root_pos.new_empty(len(root_pos), self._sizes.all)
        vectors, joints, quats = self._sizes.split(self._rows)
        vectors[:, :, 0] = body_pos.movedim(-1, 1)
        vectors[:, :, 1] = linear_velocities(body_pos, spans).movedim(-1, 1)
        vectors[:, :, 2] = angular_velocities(body_quat, spans).movedim(-1, 1)
        joints[:, 0], joints[:, 1] = joint_pos, joint_velocities(joint_pos, spans)
        quats.copy_(body_quat.movedim(-1, 1))

    def joint_range(self) -> tuple[Tensor, Tensor]:
        """The least and the greatest angle `[J]` rad of each joint in all clips."""
        joints = self._poses[:, 3 : 3 + self._sizes.joints]
        return joints.amin(dim=0), joints.amax(dim=0)

    def frames(self) -> MotionState:
        """Every frame of every clip `[F]`, one clip behind the other."""
        vectors, joints, quats = self._sizes.split(self._rows)
        return _state(vectors, joints, quats)

    @property
    def cycles(self) -> tuple[Tensor, Tensor]:
        """What one cycle of each clip moves on by: a turn `[C]` rad about the world's z axis, and then a shift
        `[C, 3]` m, world frame; 0 of what does not loop."""
        return self._spans.turn, self._spans.shift

    # Lookup.

    def state(self, clip_ids: Tensor, times: Tensor) -> MotionState:
        """The robot in clips `[...]` at times `[...]` s, any time of a loop; before and behind other clips, their ends.

        Between two frames vectors and joints are mixed evenly, rotations the short way round (`slerp`).
        """
        cycles, first, share = self._place(clip_ids, times)
        before, after = (
            self._rows.index_select(0, at.flatten()).view(*at.shape, -1) for at in (first, first + 1)
        )
        vectors, joints, _ = self._sizes.split(torch.lerp(before, after, share[..., None]))
        quats, next_quats = self._sizes.split(before)[2], self._sizes.split(after)[2]
        one, other = slerp_shares((quats * next_quats).sum(-2, keepdim=True), share[..., None, None])
        quats = one * quats + other * next_quats
        if self._any_loop:
            spans = self._spans
            turn, shift = moved_on(spans.turn[clip_ids], spans.shift[clip_ids], cycles)
            vectors, quats = _turned(vectors, quats, turn)
            vectors[..., 0, :] += shift[..., None]
        return _state(vectors, joints, quats)

    def poses(self, clip_ids: Tensor, times: Tensor, offsets: Tensor) -> Pose:
        """As `future`, `[N, K, ...]`, of root and joints alone: a fifth of the time."""
        moments = times[:, None] + offsets
        clip_ids = clip_ids[:, None].expand_as(moments)
        cycles, first, share = self._place(clip_ids, moments)
        before, after = (
            self._poses.index_select(0, at.flatten()).view(*at.shape, -1) for at in (first, first + 1)
        )
        even = torch.lerp(before, after, share[..., None])
        pos, joint_pos, _ = even.split((3, self._sizes.joints, 4), dim=-1)
        quat = slerp(before[..., -4:], after[..., -4:], share[..., None])
        if self._any_loop:
            turn, shift = moved_on(self._spans.turn[clip_ids], self._spans.shift[clip_ids], cycles)
            about = about_z(turn)
            pos, quat = rotate(about, pos) + shift, multiply(about, quat)
        return Pose(pos, quat, joint_pos)

    def future(self, clip_ids: Tensor, times: Tensor, offsets: Tensor) -> MotionState:
        """States `[N, K, ...]` of clips `[N]` at `times` `[N]` s and each of `offsets` `[K]` s on."""
        moments = times[:, None] + offsets
        return self.state(clip_ids[:, None].expand_as(moments), moments)

    def ended(self, clip_ids: Tensor, times: Tensor) -> Tensor:
        """Whether clips `[...]` are over at times `[...]` s; bool `[...]`. A loop never is."""
        return ~self.loops[clip_ids] & (times >= self.durations[clip_ids] - _AT_THE_END)

    def _place(self, clip_ids: Tensor, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Whole cycles that have passed, the frame before, and how far it is to the next one, in [0, 1]."""
        spans, durations = self._spans, self.durations[clip_ids]
        cycles = torch.where(self.loops[clip_ids], (times / durations).floor(), 0.0)
        intervals = spans.last[clip_ids] - spans.first[clip_ids]
        place = (times - cycles * durations) * spans.fps[clip_ids]
        place = torch.minimum(place.clamp(min=0.0), intervals)
        before = torch.minimum(place.long(), intervals - 1)
        return cycles, spans.first[clip_ids] + before, place - before


class _Sizes(NamedTuple):
    """How a frame lies in a row: what is reckoned alike lies together, which takes a third of the time."""

    bodies: int
    joints: int

    @property
    def all(self) -> int:
        return 13 * self.bodies + 2 * self.joints

    def split(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Views of rows `[..., all]`: vectors `[..., xyz, 3, B]` (pos, lin_vel, ang_vel), joints `[..., 2, J]` (pos,
        vel), quaternions `[..., wxyz, B]`."""
        vectors, joints, quats = rows.split((9 * self.bodies, 2 * self.joints, 4 * self.bodies), dim=-1)
        return (
            vectors.unflatten(-1, (3, 3, self.bodies)),
            joints.unflatten(-1, (2, self.joints)),
            quats.unflatten(-1, (4, self.bodies)),
        )


def _state(vectors: Tensor, joints: Tensor, quats: Tensor) -> MotionState:
    """Of the parts of rows, see `_Sizes.split`."""
    pos, lin_vel, ang_vel = vectors.movedim(-3, -1).contiguous().unbind(-3)
    joint_pos, joint_vel = joints.unbind(-2)
    return MotionState(joint_pos, joint_vel, pos, quats.movedim(-2, -1).contiguous(), lin_vel, ang_vel)


def _turned(vectors: Tensor, quats: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors `[..., xyz, 3, B]` and quaternions `[..., wxyz, B]`, turned by `[...]` rad about the world's z axis."""
    cosine, sine = turn.cos()[..., None, None], turn.sin()[..., None, None]
    x, y, z = vectors.unbind(-3)
    vectors = torch.stack((cosine * x - sine * y, sine * x + cosine * y, z), dim=-3)
    cosine, sine = (0.5 * turn).cos()[..., None], (0.5 * turn).sin()[..., None]
    w, x, y, z = quats.unbind(-2)
    turned = (cosine * w - sine * z, cosine * x - sine * y, cosine * y + sine * x, cosine * z + sine * w)
    return vectors, torch.stack(turned, dim=-2)


def _fitting(clip: Clip, robot: Robot) -> Clip:
    """The clip, which must be of this robot and hold rotations; raises MotionError."""
    require_fit(clip.entry, robot)
    for name in ARRAYS:
        wrong = ~np.isfinite(getattr(clip, name)).all(axis=-1)
        if wrong.any():
            raise MotionError(
                f"clip {clip.name}: {name} is not finite in frame {int(wrong.argmax())}; rlkit motion check tells where"
                " it can be cut"
            )
    length = np.abs(np.linalg.norm(clip.root_quat, axis=-1) - 1.0)
    if length.max() > _UNIT:
        raise MotionError(
            f"clip {clip.name}: root_quat is no rotation in frame {int(length.argmax())}, its length is not 1"
        )
    for gap in loop_gaps(clip):
        raise MotionError(f"clip {clip.name}: {gap}")
    return clip


def _fingerprint(clips: Sequence[Clip]) -> str:
    digest = hashlib.sha256()
    for clip in clips:
        entry = clip.entry
        digest.update(repr((entry.robot, entry.joints, entry.fps, entry.frames, entry.loop)).encode("utf-8"))
        for name in ARRAYS:
            digest.update(np.ascontiguousarray(getattr(clip, name), np.float32).data)
    return digest.hexdigest()[:16]
