"""What must hold between a task and the clips of `task.motion`; their entries are read, not their numbers."""

from __future__ import annotations

import math
from typing import Any, Mapping

from rlkit.motion.collection import resolve
from rlkit.motion.errors import MotionError
from rlkit.motion.robots import find_robot
from rlkit.nearest import did_you_mean
from rlkit.tasks.motion.goals_file import read_goals
from rlkit.tasks.robots.humanoids import HumanoidRobot, robot_of


def check(task: Mapping[str, Any]) -> list[str]:
    """Clips that are not there, no clips, or of another robot; bodies that the robot has not."""
    robot = robot_of(task)
    if robot is None or "motion" not in task:
        return []
    return [*_clips(task, robot), *_bodies(task, robot), *_moments(task), *_goals(task, robot)]


def _clips(task: Mapping[str, Any], robot: HumanoidRobot) -> list[str]:
    if task["motion"] is None:
        # What the policy sees, and what its actions are around
        needed = "targets" in task or "action" in task
        nothing = "task.motion=null: there is nothing to follow; `rlkit motion list` names clips"
        return [nothing] if needed else []
    try:
        found = resolve(str(task["motion"]))
    except MotionError as error:
        return [f"task.motion={task['motion']}: {error}"]
    first = found[0].entry
    if first.robot != robot.name:
        return [
            f"task.motion={task['motion']}: its clips are of {first.robot}, and task.robot={robot.name}; write"
            f" task.robot={first.robot}, or clips of {robot.name}: rlkit motion list"
        ]
    lacks = [joint for joint in robot.joints if joint not in first.joints]
    if lacks:
        return [
            f"task.motion={task['motion']}: {first.name} has no joint {lacks[0]}"
            f"{did_you_mean(lacks[0], first.joints)}; rlkit motion convert makes it again"
        ]
    return []


def _moments(task: Mapping[str, Any]) -> list[str]:
    """Moments of a style that lie between two control periods."""
    period, moments = float(task["controlPeriod"]), task.get("style", {}).get("moments", ())
    near = [round(round(moment / period) * period, 6) for moment in moments]
    if all(abs(moment - whole) < 1e-6 for moment, whole in zip(moments, near)):
        return []
    said, right = (",".join(f"{moment:g}" for moment in some) for some in (moments, near))
    return [
        f"task.style.moments=[{said}]: each is a whole number of control periods of {period:g} s; write"
        f" task.style.moments=[{right}]"
    ]


def _goals(task: Mapping[str, Any], robot: HumanoidRobot) -> list[str]:
    """A file of goals that cannot be read, or that no episode is long enough for; goals without a file."""
    masking = task.get("masking") or {}
    file, show = masking.get("goals"), masking.get("show")
    if file is None:
        return ["task.masking.show=goals: which? Write task.masking.goals=FILE"] if show == "goals" else []
    if show != "goals":
        return [
            f"task.masking.goals={file}: is for tests of a policy of train=MaskedMimic; write test=true"
            " checkpoint=RUN, of others task.masking.show=goals too"
        ]
    try:
        last = read_goals(file, masking["bodies"] or robot.masked_bodies)[-1]
    except MotionError as error:
        return [f"task.masking.goals={file}: {error}"]
    period = float(task["controlPeriod"])
    if last.time <= period * task["episodeLength"]:
        return []
    return [
        f"task.masking.goals={file}: its last goal is at {last.time:g} s, and an episode lasts"
        f" {period * task['episodeLength']:g} s; write task.episodeLength={math.ceil(last.time / period)}"
    ]


def _bodies(task: Mapping[str, Any], robot: HumanoidRobot) -> list[str]:
    bodies = find_robot(robot.name).bodies
    masking = task.get("masking") or {}
    named = {f"task.trackedBodies: {body}": body for body in task.get("trackedBodies", ())}
    named.update({f"task.masking.bodies: {body}": body for body in masking.get("bodies", ())})
    if task.get("anchor", "root") != "root":
        named[f"task.anchor={task['anchor']}"] = task["anchor"]
    targets = masking.get("bodies") or robot.masked_bodies
    return [
        f"{where}: the {robot.title} has no body {body}{did_you_mean(body, bodies, '.')} It has {', '.join(bodies)}"
        for where, body in named.items()
        if body not in bodies
    ] + [
        f"task.masking.only: no target is of {body}{did_you_mean(body, targets, '.')} There are {', '.join(targets)}"
        for body in masking.get("only", ())
        if body not in targets
    ]
