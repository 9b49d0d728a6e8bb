"""The Genesis scene of a `SceneSpec`: one entity that holds all bodies of the MJCF, in MuJoCo's order."""

# Genesis and MuJoCo's bindings ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco

from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.genesis.model import INTEGRATORS, SOLVERS, check_files, genesis_text


def build_robot(
    gs: Any, spec: SceneSpec, physics: PhysicsSettings, model: mujoco.MjModel, num_envs: int
) -> tuple[Any, Any]:
    """The scene and its only entity, compiled for `num_envs`; raises SimulatorError when the order differs.

    A step of the scene is one integrator step, so that forces on bodies act at the poses of that step.
    """
    scene = gs.Scene(
        sim_options=gs.options.SimOptions(
            dt=physics.dt / physics.substeps, gravity=tuple(float(g) for g in model.opt.gravity)
        ),
        rigid_options=_rigid_options(gs, physics, model),
        show_viewer=False,
    )
    check_files(spec)
    robot = scene.add_entity(gs.morphs.MJCF(file=genesis_text(spec.mjcf), default_armature=None))
    scene.build(n_envs=num_envs)
    _check_order(model, robot)
    return scene, robot


def _rigid_options(gs: Any, physics: PhysicsSettings, model: mujoco.MjModel) -> Any:
    return gs.options.RigidOptions(
        integrator=getattr(gs.integrator, INTEGRATORS[physics.integrator]),
        constraint_solver=getattr(gs.constraint_solver, SOLVERS[physics.solver]),
        iterations=physics.iterations,
        ls_iterations=physics.ls_iterations,
        friction_cone=getattr(gs.friction_cone, physics.cone),
        impratio=physics.impratio,
        enable_torsional_friction=bool((model.geom_condim >= 4).any()),
        enable_rolling_friction=bool((model.geom_condim >= 6).any()),
        enable_neutral_collision=True,  # as in MuJoCo, what touches in the model's own pose is in contact
        broadphase_traversal=gs.broadphase_traversal.ALL_VS_ALL,  # remembers nothing from step to step
        max_contacts=physics.max_contacts or None,
        batch_links_info=True,  # masses and gains for each env
        batch_dofs_info=True,
    )


def _check_order(model: mujoco.MjModel, robot: Any) -> None:
    """Raise SimulatorError unless links, coordinates and speeds are in MuJoCo's order."""
    links = [link.name for link in robot.links]
    bodies = [model.body(k).name for k in range(model.nbody)]
    same = len(links) == len(bodies) and all(body in ("", link) for body, link in zip(bodies, links))
    if not same or (robot.n_qs, robot.n_dofs) != (model.nq, model.nv):
        raise SimulatorError(f"Genesis has put the bodies {bodies} into another order: {links}")
