"""Which of a set of objects each env has in its episode, and what follows from that for a task's terms."""

from __future__ import annotations

import hashlib
from typing import Any, Collection, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.objects.mesh_file import MeshError
from rlkit.objects.settings import SHAPES, objects_of
from rlkit.objects.solid import Solid, solid_of
from rlkit.rotations import multiply
from rlkit.sims.api import SimulatorError
from rlkit.tasks.api import Task, TaskError, chances_upto

_TERMS = ("object_size", "object_shape", "object_mass")


def solids_of(config: Mapping[str, Any]) -> tuple[Solid, ...]:
    """The objects of a `task` section: of `objects`, else the `box` alone.

    Raises SimulatorError, as for a robot's files, for a mesh that is none.
    """
    try:
        return tuple(map(solid_of, objects_of(config["box"], config.get("objects"))))
    except MeshError as error:
        raise SimulatorError(str(error)) from error


class Objects:
    """The objects of a task on `task.box` and `task.objects`, and each env's own, drawn anew for every episode.

    In training by their weights, with the task's generator; elsewhere in turn, so that each is played as often as any
    other. One object alone draws nothing and asks nothing of the simulator.

    Of each env: size `[N, 3]` m, along the object's axes; shape `[N, 5]`, 1 for its own; mass `[N, 1]` kg; rest_height
    `[N]` m, of its centre where it lies at first; climb `[N]` m, from there to `task.successHeight`.
    """

    def __init__(self, task: Task, solids: Sequence[Solid]) -> None:
        self._task, self._solids = task, tuple(solids)
        self.names = tuple(solid.settings.name for solid in solids)
        device, success = task.device, float(task.config["successHeight"])
        rows = [_row(solid, success) for solid in solids]
        self._table = torch.tensor(rows, device=device)
        weights = torch.tensor([solid.settings.weight for solid in solids], device=device)
        self._upto = chances_upto(weights)
        envs = torch.zeros(task.num_envs, dtype=torch.int64, device=device)
        self._now = self._table[envs]  # what follows are views of it
        parts = self._now.split((3, len(SHAPES), 1, 1, 1, 3, 1, 3, 1, 4), dim=-1)
        self.size, self.shape, self.mass = parts[:3]
        self.rest_height, self.climb = parts[3][:, 0], parts[4][:, 0]
        self._middle, self._turned = parts[5][:, None], parts[6][:, None]
        self._half, self._rounding, self._lying = parts[7][:, None], parts[8], parts[9]
        shapes = {solid.settings.shape for solid in solids}
        self._any_mesh, self._any_turned = "mesh" in shapes, "cylinder" in shapes
        self._any_round = not shapes.isdisjoint(("sphere", "capsule"))
        self._any_lying = any(solid.rest_quat[0] != 1.0 for solid in solids)
        self.number, self._played = envs, envs.clone()
        text = repr(self._solids).encode()
        self._fingerprint = torch.tensor(list(hashlib.sha256(text).digest()), dtype=torch.uint8)

    @property
    def several(self) -> bool:
        """Whether envs have different ones."""
        return len(self._solids) > 1

    def begin(self, env_ids: Tensor) -> None:
        """Choose the objects of new episodes of the envs `env_ids` `[k]`, and give them to the simulator."""
        if not self.several:
            return
        task, count = self._task, len(env_ids)
        if task.learning:
            drawn = task.one_of(self._upto, count)
        else:
            drawn = (env_ids + self._played[env_ids]) % len(self._solids)
            self._played[env_ids] += 1
        self.number[env_ids] = drawn
        self._now[env_ids] = self._table[drawn]
        task.sim.choose(env_ids, drawn)

    def gaps(self, places: Tensor) -> Tensor:
        """Distances `[N, P]` m of places `[N, P, 3]` m, in the object's frame, to its surface; 0 inside.

        Of a mesh to the box around it. A cylinder is a box in the plane through its axis and the place; a capsule and a
        sphere are a line and a point with a distance off.
        """
        if self._any_mesh:
            places = places - self._middle
        away = places.abs()
        if self._any_turned:
            across = away[..., :2].norm(dim=-1, keepdim=True)
            flat = torch.cat((across, torch.zeros_like(across), away[..., 2:]), dim=-1)
            away = torch.where(self._turned > 0.0, flat, away)
        gaps = (away - self._half).clamp(min=0.0).norm(dim=-1)
        return (gaps - self._rounding).clamp(min=0.0) if self._any_round else gaps

    def turned(self, quats: Tensor, env_ids: Tensor) -> Tensor:
        """Orientations `[k, 4]` wxyz of objects that lie as they do at first, turned by `quats` `[k, 4]`."""
        return multiply(quats, self._lying[env_ids]) if self._any_lying else quats

    # What a task tells of them.

    def playing(self, env: int) -> str:
        """The name of an env's object, empty where there is one alone."""
        return self.names[int(self.number[env])] if self.several else ""

    def variants(self) -> dict[str, Tensor]:
        """Which envs have which object, `[N]` bool by name; none where there is one alone."""
        if not self.several:
            return {}
        return {name: self.number == number for number, name in enumerate(self.names)}

    def memory(self) -> dict[str, Tensor]:
        """What spans steps, `[N, ...]`: the objects' numbers, what follows from them, and how many were played."""
        if not self.several:
            return {}
        return {"object_number": self.number, "object_now": self._now, "objects_played": self._played}

    def shared_state(self) -> dict[str, Tensor]:
        """Which objects these are, `[32]` uint8, where there are several."""
        return {"objects": self._fingerprint} if self.several else {}

    def check_saved(self, state: Mapping[str, Tensor]) -> None:
        """Raise TaskError where a `shared_state`, `[...]` by name, is of other objects."""
        saved, ours = state.get("objects"), self.shared_state().get("objects")
        same = saved is ours if saved is None or ours is None else torch.equal(saved.cpu(), ours)
        if not same:
            here = ", ".join(self.names) if self.several else "one alone"
            raise TaskError(f"task.objects are others than those that were saved (here: {here})")

    def deployment(self, observed: Collection[str]) -> dict[str, Any]:
        """What a robot must know of an object that its policy sees; empty where it sees none of that."""
        seen = [name for name in _TERMS if name in observed]
        if not seen:
            return {}
        known = [
            {"name": name, "shape": solid.settings.shape, "size": list(solid.size), "mass": solid.mass}
            for name, solid in zip(self.names, self._solids)
        ]
        rule = (
            "object_size: m, along the object's own axes; object_shape: 1 for its shape in the order of shapes, else 0;"
            " object_mass: kg. The robot has to find them out; an object like one of these is what the policy has seen"
        )
        return {"objects": {"terms": seen, "shapes": list(SHAPES), "trained_with": known, "rule": rule}}


def _row(solid: Solid, success_height: float) -> list[float]:
    """The numbers of an object in the order of `Objects`' views."""
    shape, (x, y, z) = solid.settings.shape, (0.5 * length for length in solid.size)
    half, rounding = (x, y, z), 0.0
    if shape == "cylinder":
        half = (x, 0.0, z)
    elif shape == "sphere":
        half, rounding = (0.0, 0.0, 0.0), x
    elif shape == "capsule":
        half, rounding = (0.0, 0.0, z - x), x
    one_hot = [float(shape == other) for other in SHAPES]
    climb = success_height - solid.rest_height
    turned = float(shape == "cylinder")
    return [
        *(*solid.size, *one_hot, solid.mass, solid.rest_height, climb),
        *(*solid.middle, turned, *half, rounding, *solid.rest_quat),
    ]
