"""Who may touch whom, as the bits of PhysX's shapes: two shapes touch unless they have a bit in common."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from itertools import combinations, combinations_with_replacement
from typing import Sequence

import mujoco

from rlkit.sims.api import SimulatorError
from rlkit.sims.isaacgym.tree import Tree, collide, solid_geoms

_BITS = 31  # of an int32 that stays positive


def shape_filters(model: mujoco.MjModel, trees: Sequence[Tree]) -> dict[int, int]:
    """The filter of each solid geom, so that the same pairs touch as in MuJoCo.

    A bit stands for two kinds of geoms (contype and conaffinity) or for two bodies that do not touch. Neighbours in a
    tree have none: PhysX lets them never touch. Raises SimulatorError when the bits of an int do not suffice.
    """
    bodies = {k: geoms for k in range(1, model.nbody) for geoms in [solid_geoms(model, k)] if geoms}
    kinds: dict[tuple[int, int], list[int]] = {}
    for geoms in bodies.values():
        for geom in geoms:
            kinds.setdefault((int(model.geom_contype[geom]), int(model.geom_conaffinity[geom])), []).append(
                geom
            )
    apart = [
        {*one, *other}
        for one, other in combinations_with_replacement(kinds.values(), 2)
        if not collide(model, one[0], other[0])
    ]
    neighbours = {pair for tree in trees for pair in _neighbours(tree)}
    for one, other in combinations(bodies, 2):
        would_touch = any(collide(model, a, b) for a in bodies[one] for b in bodies[other])
        if would_touch and (one, other) not in neighbours and _kept_apart(model, one, other):
            apart.append({*bodies[one], *bodies[other]})
    if len(apart) > _BITS:
        raise SimulatorError(
            f"the scene says of {len(apart)} pairs of parts that they do not touch; Isaac Gym has {_BITS} bits for it:"
            " use fewer kinds of contype and conaffinity, or sim=mujoco"
        )
    return {
        geom: sum(1 << bit for bit, group in enumerate(apart) if geom in group)
        for geoms in bodies.values()
        for geom in geoms
    }


def _neighbours(tree: Tree) -> list[tuple[int, int]]:
    """Pairs of bodies, the lower first, that one joint joins."""
    pairs = [(tree.links[link.parent].body, link.body) for link in tree.links if link.parent >= 0]
    return [(min(pair), max(pair)) for pair in pairs if all(pair)]


def _kept_apart(model: mujoco.MjModel, one: int, other: int) -> bool:
    """MuJoCo's rules for bodies: welded together, parent and child, or excluded by name."""
    a, b = int(model.body_weldid[one]), int(model.body_weldid[other])
    if a == b:
        return True
    if (one << 16) + other in model.exclude_signature:
        return True
    a_parent, b_parent = (int(model.body_weldid[model.body_parentid[k]]) for k in (a, b))
    return a != 0 and b != 0 and (a == b_parent or b == a_parent)
