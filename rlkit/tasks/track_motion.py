"""TrackMotion: do what a clip does, moment by moment, from any moment of any clip of a library.

After DeepMimic (Peng et al. 2018, arXiv 1804.02717) and BeyondMimic (Liao et al. 2025, arXiv 2508.08241).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.motion import deployed
from rlkit.motion.features import differences
from rlkit.motion.library import MotionState, Pose
from rlkit.motion.robots import find_robot
from rlkit.motion.sampling import ClipSampler
from rlkit.rotations import (
    conjugate,
    from_rotation_vector,
    multiply,
    rotate_inverse,
    six_d,
    turn_about_z,
)
from rlkit.sims.api import Index, ResetState, SceneSpec, Simulator
from rlkit.tasks.api import MirrorImage, TaskError, fact, failure, metric, observation, success, unit
from rlkit.tasks.motion.beside import Beside, apart
from rlkit.tasks.motion.loading import around_clips, load_library
from rlkit.tasks.motion.masked import MaskedTracking
from rlkit.tasks.robots.humanoids import OF_REFERENCE, sizes_of


class TrackMotion(MaskedTracking):
    """A humanoid that follows clips.

    An action of 0 is the middle of the clips' poses (`task.action.mode=absolute`) or the reference's pose (residual). 1
    and -1 are as far from there as makes the servo's spring pull with `task.action.reach` of the torque limit, for
    absolute actions half of the clips' range farther.
    Solved: to the end of the clip or the episode, the mean body error never beyond `task.successError`.
    """

    scenario_noun = "clip"
    of_reference = OF_REFERENCE

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The humanoid on flat ground, with all its bodies."""
        spec = super().scene(config)
        return replace(spec, bodies=find_robot(config["robot"]).bodies)

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        device, robot = self.device, self.robot
        self.library = load_library(config, robot, device)
        self.scenarios = self.library.names
        self.sampler = ClipSampler(self.library, generator, from_start=float(config["start"]["atZero"]))
        names = self.library.robot.bodies
        self._bodies = sim.bodies(names)
        self.tracked = _places(config["trackedBodies"] or names, names, device)
        self.keys = _places(robot.key_bodies[1:], names, device)
        self.feet_and_hands = _places((*robot.feet, *robot.hands), names, device)
        self.anchor = 0 if config["anchor"] == "root" else names.index(config["anchor"])
        self._moments = torch.tensor(config["targets"], device=device)  # s from now
        sizes = sizes_of(config)
        self.root_targets, self.joint_targets = sizes["root_targets"], sizes["joint_targets"]
        self.difference_size = sizes["difference_size"]
        noise = {name: float(most) for name, most in config["start"]["noise"].items()}
        flat, up, turn = noise["position"], noise["height"], noise["rotation"]
        push = [noise["velocity"]] * 3 + [noise["turning"]] * 3
        most = [noise["joints"]] * self.num_joints + [flat, flat, up, turn, turn, turn, *push]
        self._noise = torch.tensor(most, device=device)  # either way, see `reset`
        # envs whose episodes have begun since the last `refresh`, not all of them, and their references now and soon
        self._begun: tuple[Tensor, MotionState, Pose] | None = None
        self.clip = self.buffer("clip", first=0)
        self.clip_time = self.buffer("clip_time")  # s
        self.worst_error = self.buffer("worst_error")  # m, in this episode
        self.error_sums = self.buffer("error_sums", 3)  # m, m, rad: global, beside the root, joints
        self.hide_targets()
        self._fingerprint = torch.tensor(list(self.library.fingerprint.encode()), dtype=torch.uint8)
        self._residual = config["action"]["mode"] == "residual"
        share = float(config["action"]["reach"])
        reach = share * self.servos.limit / self.servos.stiffness
        if not self._residual:
            self.centre, reach = around_clips(self.library, self.servos, share)
        self.up = self.down = reach

    # Actions.

    def controls(self, actions: Tensor) -> Tensor:
        """Joint targets `[N, J]`, rad, while the reference goes on to its next moment."""
        self.clip_time += self.control_period
        return super().controls(actions)

    def middle(self) -> Tensor:
        """The middle of the clips' angles `[J]`, or the reference's `[N, J]` at its next moment; rad."""
        return self.library.state(self.clip, self.clip_time).joint_pos if self._residual else self.centre

    def deployment(self) -> dict[str, Any]:
        """As every humanoid's, with what a robot must know of the clips, which are in the file of that name."""
        found = super().deployment()
        if self._residual:
            found["rule"] = found["rule"].replace("centre", "the reference's angle a control period on")
            for joint in found["joints"]:
                del joint["centre"]
        terms = [name for name in self.observation_terms if name in self.of_reference]
        return {**found, "reference": deployed.facts_of(self.library, self.anchor, self.config, terms)}

    def deployment_files(self) -> dict[str, bytes]:
        """The clips, with their velocities and the anchor's path."""
        return {deployed.FILE: deployed.packed(self.library, self.anchor)}

    # State.

    def refresh(self) -> None:
        """As every humanoid's; where the reference is now and soon, and how far off it the robot is."""
        super().refresh()
        if self.masks is not None:
            self.masks.forget()
        sim, bodies, begun = self.sim, self._bodies, self._begun
        places = (sim.body_pos, sim.body_quat, sim.body_lin_vel, sim.body_ang_vel)
        if begun is None:
            placed = (apart(values[:, bodies]) for values in places)
            self.state = MotionState(sim.joint_pos, sim.joint_vel, *placed)
            self.reference, self.soon = self.library.now_and_soon(self.clip, self.clip_time, self._moments)
        else:  # in the others nothing has moved since
            ids, reference, soon = begun
            there = (values[ids][:, bodies] for values in places)
            for values, new in zip(
                (*self.state[2:], *self.reference, *self.soon), (*there, *reference, *soon)
            ):
                values[ids] = new
        self._begun = None
        self.beside = Beside(self.state, self.reference, self.tracked, self.anchor)

    def advance(self) -> None:
        """Add up the errors; what is hidden of the targets changes."""
        if self.masks is not None:
            self.masks.advance()
        beside = self.beside
        torch.maximum(self.worst_error, beside.mean_error, out=self.worst_error)
        self.error_sums += torch.stack((beside.mean_error, beside.relative_error, beside.joint_error), dim=-1)

    def ending(self, failed: Tensor, ended: Tensor) -> None:
        """Tell the sampler which episodes (`[N]` bool) end and which fail: in which clips, and where in them."""
        self.sampler.failed(self.clip, self.clip_time, failed)
        self.sampler.ended(self.clip, ended)

    def out_of_time(self) -> Tensor:
        """`[N]` bool: the clip is over, or the episode as long as it may be; a clip to order is played whole."""
        whole = (self.scenario >= 0) & ~self.library.loops[self.clip]
        return self.library.ended(self.clip, self.clip_time) | (super().out_of_time() & ~whole)

    def playing(self, env: int) -> str:
        """See `Task.playing`: the clip, to order or drawn."""
        return self.scenarios[int(self.clip[env])]

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `Task.reset`: the reference's state at a moment that is drawn, with noise; a clip to order from 0 s."""
        k, ordered = len(env_ids), self.scenario[env_ids]
        clips, times = self.sampler.draw(k)
        free = ordered < 0
        clips = torch.where(free, clips, ordered)
        times = torch.where(free, times, 0.0)
        self.clip[env_ids], self.clip_time[env_ids] = clips, times
        if self.masks is not None:
            self.masks.begin(env_ids)
        state, soon = self.library.now_and_soon(clips, times, self._moments)
        self._begun = (env_ids, state, soon) if k < self.num_envs else None
        noise = self.uniform(-1.0, 1.0, k, len(self._noise)) * self._noise * free[:, None]
        off, shift, turn, push = noise.split((self.num_joints, 3, 3, 6), dim=-1)
        joints = torch.minimum(torch.maximum(state.joint_pos + off, self._low), self._high)
        shift[:, 2].abs_()
        turned = multiply(from_rotation_vector(turn), state.root_quat)
        pose = torch.cat((state.root_pos + shift, turned), dim=-1)
        velocity = torch.cat((state.root_lin_vel, state.root_ang_vel), dim=-1) + push
        self.targets[env_ids] = joints
        return ResetState(joints, state.joint_vel, pose[:, None], velocity[:, None])

    # What is kept for all envs.

    def evaluated(self, success: Tensor, facts: Mapping[str, Tensor]) -> None:
        """See `Task.evaluated`: clips that failed (`[clips]`) begin more often."""
        self.sampler.evaluated(success)

    def shared_state(self) -> dict[str, Tensor]:
        """What the sampler knows of the clips `[clips]` and their bins `[bins]`, and which clips these are."""
        return {**self.sampler.state(), "clips": self._fingerprint}

    def load_shared_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Task.load_shared_state`; raises TaskError where it is of other clips."""
        saved = state.get("clips")
        if saved is None or not torch.equal(saved.cpu(), self._fingerprint):
            raise TaskError(
                "the clips are others than those that were saved: what was learnt of them does not count"
            )
        self.sampler.load(state)

    # Observations.

    @observation("root_targets")
    def target_root(self) -> Tensor:
        """For each of `task.targets`, in the robot's heading frame: where the reference's pelvis will be beside the
        robot's, m, and how it will be turned (two columns of its rotation matrix).
        """
        off = self.soon.root_pos - self.pelvis_pos[:, None]
        vectors = torch.cat((off, six_d(self.soon.root_quat)), dim=-1).unflatten(-1, (3, 3))  # [N, K, 3, xyz]
        w, z = self.heading[:, None, None, :1], self.heading[:, None, None, 3:]
        turn_about_z(vectors[..., :2], w * w - z * z, -2.0 * w * z)
        return vectors.flatten(1)

    @observation("joint_targets")
    def target_joints(self) -> Tensor:
        """For each of `task.targets`: the reference's joint angles less the robot's, rad."""
        return (self.soon.joint_pos - self.sim.joint_pos[:, None]).flatten(1)

    @observation(3)
    def reference_velocity(self) -> Tensor:
        """Velocity of the reference's pelvis, m/s: in the robot's heading frame."""
        return rotate_inverse(self.heading, self.reference.root_lin_vel)

    @observation("num_joints")
    def reference_joint_pos(self) -> Tensor:
        """Joint angles of the reference, rad."""
        return self.reference.joint_pos

    @observation("num_joints")
    def reference_joint_vel(self) -> Tensor:
        """Joint velocities of the reference, rad/s."""
        return self.reference.joint_vel

    @observation(3)
    def anchor_offset(self) -> Tensor:
        """Where the reference's anchor is, m: in the frame of the robot's."""
        off = self.reference.body_pos[:, self.anchor] - self.state.body_pos[:, self.anchor]
        return rotate_inverse(self.state.body_quat[:, self.anchor], off)

    @observation(6)
    def anchor_turn(self) -> Tensor:
        """How the reference's anchor is turned in the frame of the robot's: two columns of the rotation matrix."""
        robot, wanted = self.state.body_quat[:, self.anchor], self.reference.body_quat[:, self.anchor]
        return six_d(multiply(conjugate(robot), wanted))

    @observation("difference_size")
    def difference(self) -> Tensor:
        """How the reference differs from the robot now, in its heading frame: root, joints, hands and feet; 0 where
        both are the same.
        """
        return differences(self.reference, self.state, self.feet_and_hands)

    def mirror(self) -> Mapping[str, MirrorImage] | None:
        """As every humanoid's, where the clips have their mirror images beside them, and nothing hides targets."""
        if not self.library.has_mirror_images or self.masks is not None:
            return None
        joints, count = self.robot.joint_mirror(), len(self._moments)
        turn = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0]
        images: dict[str, MirrorImage] = {
            "target_root": (list(range(9 * count)), [1.0, -1.0, 1.0, *turn] * count),
            "target_joints": (
                [source + self.num_joints * k for k in range(count) for source in joints[0]],
                list(joints[1]) * count,
            ),
            "reference_velocity": ([0, 1, 2], [1.0, -1.0, 1.0]),
            "reference_joint_pos": joints,
            "reference_joint_vel": joints,
            "anchor_offset": ([0, 1, 2], [1.0, -1.0, 1.0]),
            "anchor_turn": (list(range(6)), turn),
        }
        return {**(super().mirror() or {}), **images}

    def ghost(self, env_ids: Tensor) -> Mapping[str, Tensor]:
        """See `Task.ghost`: the reference."""
        reference = self.reference
        root = torch.cat((reference.root_pos, reference.root_quat), dim=-1)
        joints = dict(zip(self.robot.joints, reference.joint_pos[env_ids].unbind(-1)))
        return {self.robot.pelvis: root[env_ids], **joints}

    # How far off.

    @metric
    @unit("m")
    def body_error(self) -> Tensor:
        """`[N]` m: mean distance of the tracked bodies to the reference's."""
        return self.beside.mean_error

    @metric
    @unit("m")
    def pose_error(self) -> Tensor:
        """`[N]` m: the same with both roots in one place, in the world's axes."""
        return self.beside.relative_error

    @metric
    @unit("rad")
    def joint_error(self) -> Tensor:
        """`[N]` rad: mean difference of the joints to the reference's."""
        return self.beside.joint_error

    @fact("m")
    def error_global(self) -> Tensor:
        """`[N]` m: `body_error`, the mean over the episode."""
        return self.error_sums[:, 0] / self.steps_played

    @fact("m")
    def error_root_relative(self) -> Tensor:
        """`[N]` m: `pose_error`, the mean over the episode."""
        return self.error_sums[:, 1] / self.steps_played

    @fact("rad")
    def error_joints(self) -> Tensor:
        """`[N]` rad: `joint_error`, the mean over the episode."""
        return self.error_sums[:, 2] / self.steps_played

    @fact("m")
    def error_worst(self) -> Tensor:
        """`[N]` m: the largest `body_error` of a step."""
        return self.worst_error.clone()

    # Endings.

    def success_words(self) -> str:
        """For the head of the clips' table."""
        return f"followed to the end, mean body error never above {float(self.config['successError']):g} m"

    @success
    def followed(self) -> Tensor:
        """The last step, and the mean body error was never above `successError`."""
        return self.out_of_time() & (self.worst_error <= float(self.config["successError"]))

    @failure
    def body_off(self) -> Tensor:
        """A tracked body is farther from the reference's than `tolerance`."""
        return self.beside.body_errors.amax(dim=-1) > float(self.config["tolerance"])

    @failure
    def anchor_off_height(self) -> Tensor:
        """The anchor is higher or lower than the reference's by more than `heightTolerance` (BeyondMimic)."""
        off = self.state.body_pos[:, self.anchor, 2] - self.reference.body_pos[:, self.anchor, 2]
        return off.abs() > float(self.config["heightTolerance"])

    @failure
    def anchor_tilted(self) -> Tensor:
        """The cosine of the anchor's tilt is off the reference's by more than `tiltTolerance` (BeyondMimic)."""
        robot, wanted = self.state.body_quat[:, self.anchor], self.reference.body_quat[:, self.anchor]
        return (_upright(robot) - _upright(wanted)).abs() > float(self.config["tiltTolerance"])

    @failure
    def ends_off_height(self) -> Tensor:
        """A foot or a hand is higher or lower than the reference's by more than `heightTolerance` (BeyondMimic)."""
        off = (
            self.state.body_pos[:, self.feet_and_hands, 2]
            - self.reference.body_pos[:, self.feet_and_hands, 2]
        )
        return (off.abs() > float(self.config["heightTolerance"])).any(dim=-1)


def _upright(quat: Tensor) -> Tensor:
    """The cosine `[...]` between the axes z of bodies `[..., 4]` and of the world."""
    _, x, y, _ = quat.unbind(-1)
    return 1.0 - 2.0 * (x * x + y * y)


def _places(bodies: Any, names: tuple[str, ...], device: torch.device) -> Index:
    places = [names.index(body) for body in bodies]
    return slice(None) if places == list(range(len(names))) else torch.tensor(places, device=device)
