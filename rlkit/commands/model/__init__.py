"""`rlkit model`: what is in a robot's file, and what each simulator makes of it."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rlkit.commands.model import seeing
from rlkit.runtime.process.waiting import told
from rlkit.untrusted import printable
from rlkit.workspace import WorkspaceError

if TYPE_CHECKING:
    from rlkit.sims.api import SceneSpec

HELP = "show what is in a robot's file: bodies, joints, actuators, and what each simulator refuses of it"

_OF_FILES = ("keyframe", "servos", "floor", "floating", "download")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the reference and the options."""
    parser.description = (
        "Show what is in a robot's file, MJCF or URDF: bodies, joints with limits, actuators with gains, masses,"
        " keyframes, sensors, meshes, and what each simulator would refuse. Or what is in the scene of a task."
    )
    parser.add_argument(
        "what",
        metavar="FILE|TASK",
        help="a path, h1, g1, dexhand or panda, package:NAME/FILE.xml, menagerie:NAME[/ENTRY], description:NAME, or the"
        " name of a task",
    )
    parser.add_argument("--keyframe", metavar="NAME", help="the pose to show, one of the file's")
    parser.add_argument(
        "--servos", action="store_true", help="with PD servos for the joints that nothing drives"
    )
    parser.add_argument("--floor", action="store_true", help="with a floor at z = 0")
    parser.add_argument("--floating", action="store_true", help="the base of a URDF is free")
    parser.add_argument(
        "--download", action="store_true", help="let mujoco-menagerie or robot_descriptions fetch the model"
    )
    parser.add_argument("--picture", type=Path, metavar="OUT.png", help="draw it")
    parser.add_argument("--view", action="store_true", help="show it on a page, until Ctrl-C")
    parser.add_argument(
        "--viewer", choices=("web", "native"), default="web", help="of --view: a page, or a window (web)"
    )
    parser.add_argument("--port", type=int, default=8080, help="of the page; 0 takes a free one (8080)")


def run(arguments: argparse.Namespace) -> int:
    """Print the model; raises WorkspaceError, or what says why it cannot be read or shown."""
    task = _is_task(arguments.what)
    _check(arguments, task)
    if arguments.picture is not None:
        from rlkit.media.gl import choose_gl

        os.environ["MUJOCO_GL"] = choose_gl()  # before MuJoCo is imported
    from rlkit.sims.api import PhysicsSettings
    from rlkit.sims.registry import askable, refusal

    with told(f"reading {printable(arguments.what)}"):
        scene, lines = _task(arguments.what) if task else _file(arguments)
    print("\n".join(map(printable, lines)))
    print("\nsimulators:", flush=True)
    physics = PhysicsSettings(dt=0.002, substeps=1)
    for name in askable():
        with told(f"  {name}: being asked"):
            problem = refusal(name, scene, physics)
        print(printable(f"  {name}: {problem or 'takes it'}"), flush=True)
    if arguments.picture is not None:
        with told("\ndrawing"):
            seeing.draw_scene(scene, arguments.picture)
    if arguments.view:
        seeing.show_scene(scene, arguments)
    return 0


def _is_task(what: str) -> bool:
    """Whether it reads as a task's name or class, and means no robot."""
    from rlkit.sims.robots.places import means_a_robot

    return not means_a_robot(what) and re.fullmatch(r"\w+|\w+(\.\w+)*:\w+", what) is not None


def _check(arguments: argparse.Namespace, task: bool) -> None:
    """Refuse what cannot be met before torch and MuJoCo are loaded."""
    if arguments.picture is not None and arguments.picture.suffix.lower() != ".png":
        raise WorkspaceError(f"--picture {arguments.picture}: the picture is a .png")
    given = [f"--{name}" for name in _OF_FILES if getattr(arguments, name)]
    if task and given:
        raise WorkspaceError(
            f"{', '.join(given)}: a task's scene is as its class makes it; these are for a file"
        )
    if not task:
        from rlkit.sims.robots.places import robot_file

        with told(f"looking for {printable(arguments.what)}"):
            robot_file(arguments.what, download=arguments.download)


def _file(arguments: argparse.Namespace) -> tuple[SceneSpec, list[str]]:
    from rlkit.sims.api import SceneSpec, Start
    from rlkit.sims.robots.described import described
    from rlkit.sims.robots.loading import Additions, load

    names = ("keyframe", "servos", "floor", "floating")
    wanted = Additions(**{name: getattr(arguments, name) for name in names})
    robot = load(arguments.what, wanted, download=arguments.download)
    joints, free, actuators = robot.joints, robot.free_bodies, robot.actuators
    start = Start(tuple(joints.values()), tuple(free.values()), tuple(actuators.values()))
    scene = SceneSpec(robot.mjcf, tuple(joints), tuple(actuators), free_bodies=tuple(free), start=start)
    return scene, [str(robot.path), *described(robot.mjcf, robot.servos)]


def _task(name: str) -> tuple[SceneSpec, list[str]]:
    from rlkit.config import compose
    from rlkit.runtime.build import scene_of
    from rlkit.sims.robots.described import described

    scene = scene_of(compose([f"task={name}"]))
    return scene, [f"the scene of task={name}", *described(scene.mjcf)]
