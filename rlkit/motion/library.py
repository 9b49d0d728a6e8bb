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
    short_ways,
    spans_of,
)
from rlkit.motion.errors import MotionError
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.quality import loop_gaps
from rlkit.motion.robots import Robot, require_fit
from rlkit.rotations import slerp_shares, turn_about_z

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
    takes 249 MB.

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
        facts = (self.durations, spans.fps, spans.last - spans.first, spans.loop, spans.turn)
        self._facts = torch.cat(
            (torch.stack([fact.float() for fact in facts], dim=-1), spans.shift[:, :2]), dim=-1
        )
        count = joint_pos.shape[1]
        self._sizes, self._pose_sizes = _Sizes(len(self.robot.bodies), 3, 2 * count), _Sizes(1, 1, count)
        body_pos, body_quat = kinematics.poses(root_pos, root_quat, joint_pos)
        self._rows = root_pos.new_empty(len(root_pos), self._sizes.all)
        vectors, joints, quats, angles = self._sizes.split(self._rows)
        vectors[:, :, 0] = body_pos.movedim(-1, 1)
        vectors[:, :, 1] = linear_velocities(body_pos, spans).movedim(-1, 1)
        vectors[:, :, 2] = angular_velocities(body_quat, spans).movedim(-1, 1)
        joints[:, :count], joints[:, count:] = joint_pos, joint_velocities(joint_pos, spans)
        quats[:], angles[:] = short_ways(body_quat.movedim(-1, 1), spans)
        self._poses = torch.cat((root_pos, joint_pos, quats[..., 0], angles[:, :1]), dim=-1)

    def joint_range(self) -> tuple[Tensor, Tensor]:
        """The least and the greatest angle `[J]` rad of each joint in all clips."""
        joints = self._sizes.split(self._rows)[1][:, : len(self.robot.joints)]
        return joints.amin(dim=0), joints.amax(dim=0)

    def frames(self) -> MotionState:
        """Every frame of every clip `[F]`, one clip behind the other."""
        vectors, joints, quats, _ = self._sizes.split(self._rows)
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
        return _state(*self._mixed(self._rows, self._sizes, self._place(clip_ids, times)))

    def now_and_soon(self, clip_ids: Tensor, times: Tensor, offsets: Tensor) -> tuple[MotionState, Pose]:
        """`state` `[N]`, and of `future` `[N, K, ...]` root and joints alone: a fifth of its time."""
        place = self._place(clip_ids[:, None], times[:, None] + torch.cat((offsets.new_zeros(1), offsets)))
        now, soon = _Place(*(part[:, 0] for part in place)), _Place(*(part[:, 1:] for part in place))
        state = self._mixed(self._rows, self._sizes, now)
        return _state(*state), _pose(*self._mixed(self._poses, self._pose_sizes, soon))

    def future(self, clip_ids: Tensor, times: Tensor, offsets: Tensor) -> MotionState:
        """States `[N, K, ...]` of clips `[N]` at `times` `[N]` s and each of `offsets` `[K]` s on."""
        moments = times[:, None] + offsets
        return self.state(clip_ids[:, None], moments)

    def ended(self, clip_ids: Tensor, times: Tensor) -> Tensor:
        """Whether clips `[...]` are over at times `[...]` s; bool `[...]`. A loop never is."""
        return ~self.loops[clip_ids] & (times >= self.durations[clip_ids] - _AT_THE_END)

    def _place(self, clip_ids: Tensor, times: Tensor) -> _Place:
        facts = self._facts[clip_ids]
        duration, fps, intervals, loop, turn, _, _ = facts.unbind(-1)
        cycles = loop * (times / duration).floor()
        place = torch.minimum(((times - cycles * duration) * fps).clamp(min=0.0), intervals)
        passed = torch.minimum(place.floor(), intervals - 1.0)
        turn, shift = moved_on(turn, facts[..., -2:], cycles) if self._any_loop else (cycles, facts[..., -2:])
        return _Place(self._spans.first[clip_ids] + passed.long(), place - passed, turn, shift)

    def _mixed(self, rows: Tensor, sizes: _Sizes, place: _Place) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors, joints and quaternions there, as `_Sizes.split` has them."""
        first, share = place.first, place.share[..., None]
        before, after = (rows.index_select(0, at.flatten()).view(*at.shape, -1) for at in (first, first + 1))
        vectors, joints, quats, angles = sizes.split(before)
        next_vectors, next_joints, next_quats, _ = sizes.split(after)
        vectors.lerp_(next_vectors, share[..., None, None])  # in place: half the memory to go through
        joints.lerp_(next_joints, share)
        one, other = (part[..., None, :] for part in slerp_shares(angles, share))
        quats.mul_(one).addcmul_(other, next_quats)
        if self._any_loop:
            turn, flat = place.turn[..., None, None], vectors[..., :2, :, :]
            half = 0.5 * turn
            turn_about_z(flat, turn.cos()[..., None], turn.sin()[..., None], dim=-3)
            flat[..., 0, :] += place.shift[..., None]
            turn_about_z(quats, half.cos(), half.sin(), dim=-2)
        return vectors, joints, quats


class _Place(NamedTuple):
    """Where in the frames: the one before, how far it is to the next one, in [0, 1], and what the cycles that have
    passed move on by, rad and m `[..., 2]`."""

    first: Tensor
    share: Tensor
    turn: Tensor
    shift: Tensor


class _Sizes(NamedTuple):
    """How a frame lies in a row: what is reckoned alike lies together, which takes a third of the time."""

    bodies: int
    kinds: int  # of vectors, of each body
    joints: int  # numbers

    @property
    def all(self) -> int:
        return (3 * self.kinds + 5) * self.bodies + self.joints

    def split(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Views of rows `[..., all]`: vectors `[..., xyz, kinds, B]` (pos, lin_vel, ang_vel), joints `[..., joints]`
        (pos, vel), quaternions `[..., wxyz, B]`, and the angles `[..., B]` from these to the next frame's."""
        bodies, kinds, joints = self
        vectors, angles, quats, further = rows.split((3 * kinds * bodies, joints, 4 * bodies, bodies), dim=-1)
        return vectors.unflatten(-1, (3, kinds, bodies)), angles, quats.unflatten(-1, (4, bodies)), further


def _state(vectors: Tensor, joints: Tensor, quats: Tensor) -> MotionState:
    """Of the parts of rows, see `_Sizes.split`."""
    pos, lin_vel, ang_vel = vectors.transpose(-1, -3).unbind(-2)
    joint_pos, joint_vel = joints.chunk(2, dim=-1)
    return MotionState(joint_pos, joint_vel, pos, quats.transpose(-1, -2), lin_vel, ang_vel)


def _pose(vectors: Tensor, joints: Tensor, quats: Tensor) -> Pose:
    return Pose(vectors[..., 0, 0], quats[..., 0], joints)


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
