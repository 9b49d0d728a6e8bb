"""Who may touch whom, as the bits of PhysX's shapes: two shapes touch unless they have a bit in common."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from itertools import combinations
from typing import Collection, Sequence

import mujoco

from rlkit.sims.api import SimulatorError
from rlkit.sims.isaacgym.tree import Tree, collide, excluded, solid_geoms

_BITS = 31  # of an int32 that stays positive


def shape_filters(model: mujoco.MjModel, trees: Sequence[Tree]) -> dict[int, int]:
    """The filter of each solid geom, so that the same pairs touch as in MuJoCo.

    A bit stands for a group of geoms of which no two touch. Of one body, and of neighbours in a tree, PhysX never lets
    any touch, so that they may share a group or not. Raises SimulatorError when the bits of an int do not suffice.
    """
    geoms = sorted(geom for body in range(1, model.nbody) for geom in solid_geoms(model, body))
    neighbours = {pair for tree in trees for pair in _neighbours(tree)}
    touching, apart = set(), []
    for pair in combinations(geoms, 2):
        one, other = (int(model.geom_bodyid[geom]) for geom in pair)
        if one == other or (one, other) in neighbours:
            continue
        if collide(model, *pair) and not _kept_apart(model, one, other):
            touching.add(pair)
        else:
            apart.append(pair)
    groups = _groups(geoms, apart, touching)
    if len(groups) > _BITS:
        raise SimulatorError(
            f"the scene says in {len(groups)} ways which parts do not touch each other; Isaac Gym has {_BITS} bits for"
            " it: use fewer kinds of contype and conaffinity and fewer <exclude>, or sim=mujoco"
        )
    return {geom: sum(1 << bit for bit, group in enumerate(groups) if geom in group) for geom in geoms}


def _groups(
    geoms: Sequence[int], apart: Sequence[tuple[int, int]], touching: Collection[tuple[int, int]]
) -> list[set[int]]:
    """Groups without a touching pair, as large as can be, until each pair of `apart` is within one."""
    groups: list[set[int]] = []
    for pair in apart:
        if any(group.issuperset(pair) for group in groups):
            continue
        group = set(pair)
        for geom in geoms:
            if not any((min(geom, member), max(geom, member)) in touching for member in group):
                group.add(geom)
        groups.append(group)
    return groups


def _neighbours(tree: Tree) -> list[tuple[int, int]]:
    """Pairs of bodies, the lower first, that one joint joins."""
    pairs = [(tree.links[link.parent].body, link.body) for link in tree.links if link.parent >= 0]
    return [(min(pair), max(pair)) for pair in pairs if all(pair)]


def _kept_apart(model: mujoco.MjModel, one: int, other: int) -> bool:
    """MuJoCo's rules for bodies: welded together, parent and child, or excluded by name."""
    a, b = int(model.body_weldid[one]), int(model.body_weldid[other])
    if a == b or excluded(model, one, other):
        return True
    a_parent, b_parent = (int(model.body_weldid[model.body_parentid[k]]) for k in (a, b))
    return a != 0 and b != 0 and (a == b_parent or b == a_parent)
