"""What of a MuJoCo model an engine of other physics would pass over in silence, named for a refusal."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Callable, Iterable, Iterator

import mujoco
import numpy as np

from rlkit.sims.api import SimulatorError

_OBJECTS = mujoco.mjtObj
_PARTS = (  # number of them in the model, what they are, their kind
    ("ntendon", "tendon", _OBJECTS.mjOBJ_TENDON),
    ("npair", "contact pair", _OBJECTS.mjOBJ_PAIR),
    ("nflex", "flexible body", _OBJECTS.mjOBJ_FLEX),
    ("nplugin", "plugin", _OBJECTS.mjOBJ_PLUGIN),
)


def refuse(simulator: str, problems: Iterable[str]) -> None:
    """Raise SimulatorError with the first of the problems."""
    for problem in problems:
        raise SimulatorError(f"sim={simulator} cannot simulate this scene: {problem}; use sim=mujoco")


def named(model: mujoco.MjModel, what: str, kind: int, index: int) -> str:
    """A part of the model by its name, or by its number where it has none."""
    name = mujoco.mj_id2name(model, int(kind), index)
    return f"{what} '{name}'" if name else f"{what} number {index}"


def geom_label(model: mujoco.MjModel, geom: int) -> str:
    """A geom by its name, or by its body's where it has none."""
    name, body = model.geom(geom).name, model.body(int(model.geom_bodyid[geom])).name
    return f"geom '{name}'" if name else f"the geom of body '{body}'" if body else f"geom number {geom}"


def world_problems(model: mujoco.MjModel) -> Iterator[str]:
    """Tendons, contact pairs, flexible and mocap bodies, plugins, air and water, and parts of MuJoCo switched off."""
    for count, what, kind in _PARTS:
        for index in range(getattr(model, count)):
            yield f"it has the {named(model, what, kind, index)}"
    for body in np.flatnonzero(model.body_mocapid >= 0):
        yield f"{named(model, 'body', _OBJECTS.mjOBJ_BODY, int(body))} is a mocap body"
    if model.opt.density or model.opt.viscosity or model.opt.wind.any():
        yield "its medium resists motion (<option density, viscosity, wind>)"
    if model.opt.disableflags or model.opt.enableflags:
        yield "it switches parts of MuJoCo off or on (<option><flag>)"


def surface_problems(
    model: mujoco.MjModel, rule: str, overruled: Callable[[float, float], bool]
) -> Iterator[str]:
    """Margins, gaps, geoms without friction, and priorities that the engine's friction of two geoms would overrule.

    rule: that friction in words. overruled: whether it differs from the first geom's friction, which has the
    priority, given the other's.
    """
    solid = np.flatnonzero((model.geom_contype | model.geom_conaffinity) != 0)
    for g in solid:
        label = geom_label(model, int(g))
        if model.geom_margin[g] or model.geom_gap[g]:
            yield f"{label} has a margin or a gap"
        if model.geom_condim[g] == 1:
            yield f"{label} is frictionless (condim 1)"
        rivals = solid[model.geom_priority[solid] < model.geom_priority[g]]
        own = float(model.geom_friction[g, 0])
        if any(overruled(own, float(model.geom_friction[o, 0])) for o in rivals):
            yield f"{label} has a priority, and the friction of two geoms is {rule}"
