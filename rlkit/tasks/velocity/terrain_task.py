"""A robot on legs on the terrain of `task.terrain`, or on a plane: where it begins, how high it is, what it sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.rotations import turn_about_z, yaw
from rlkit.sims.api import ResetState, SceneSpec, Simulator
from rlkit.tasks.api import MirrorImage, fact, metric, observation
from rlkit.tasks.robots.legged_task import LeggedTask
from rlkit.tasks.velocity.levels import Levels
from rlkit.terrain.field import height_field
from rlkit.terrain.ground import Ground
from rlkit.terrain.scene import on_terrain
from rlkit.terrain.settings import REACH, TerrainSettings, scan_points

_EDGE = 0.5  # m: a robot that comes so near to the field's edge has left it


class TerrainTask(LeggedTask):
    """A robot on legs that begins each episode in the middle of a patch of terrain; with no kinds of it on a plane.

    Heights are above the ground below. It may walk on over other patches; at the field's edge time is over.
    """

    commands: Tensor  # [N, 3], of which the first two are a velocity in the frame of the heading, m/s

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The robot on the terrain, or on flat ground."""
        spec, settings = super().scene(config), TerrainSettings.of(config)
        return spec if settings is None else replace(spec, mjcf=on_terrain(spec.mjcf, height_field(settings)))

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        points = scan_points(config)
        self.num_scan_points = len(points)
        super().__init__(config, sim, generator)
        self._scanned = torch.tensor(points, device=self.device).reshape(-1, 2)  # m, heading frame
        settings = TerrainSettings.of(config)
        self.ground: Ground | None = None
        self.kinds: tuple[str, ...] = ()
        if settings is None:
            del self.metric_terms["terrain_level"], self.fact_terms["patch_level"]
            return
        self.kinds = settings.kinds
        self.ground = Ground(height_field(settings), self.device)
        self.origins = torch.zeros(self.num_envs, 3, device=self.device)  # m, world: where the episodes began
        self.levels = Levels(self, settings)

    def deployment(self) -> dict[str, Any]:
        """As of every robot on legs, with the points of the scan where the policy sees it."""
        known = super().deployment()
        if "height_scan" not in self.observation_terms:
            return known
        scan = {
            "points": [list(point) for point in scan_points(self.config)],
            "rule": "clip(height of the root - stance_height - height of the ground at the point, -reach, reach);"
            " points: m forward and left of the root, in the frame of its heading",
            "stance_height": self.robot.stance_height,
            "reach": REACH,
        }
        return {**known, "height_scan": scan}

    # State.

    def above_ground(self, places: Tensor) -> Tensor:
        """Heights `[...]` m of places `[..., 3]` m, world, above the ground below them."""
        if self.ground is None:
            return super().above_ground(places)
        return places[..., 2] - self.ground.height(places[..., :2])

    def refresh(self) -> None:
        """As of every robot on legs; with how far from its patch's middle it is."""
        super().refresh()
        if self.ground is not None:
            self.since_origin = self.root_pos - self.origins

    def advance(self) -> None:
        """Measure what the curriculum goes by."""
        super().advance()
        if self.ground is not None:
            away = self.since_origin[:, :2].norm(dim=-1)
            self.levels.advance(away, self.velocity[:, :2], self.commands[:, :2])

    def left_field(self) -> Tensor:
        """Which robots have come to the field's edge, `[N]` bool."""
        if self.ground is None:
            return torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        return self.ground.beyond(self.sim.body_pos[:, self.root, :2], _EDGE)

    def out_of_time(self) -> Tensor:
        """As of every task, and where there is no ground to go on, `[N]` bool."""
        return super().out_of_time() if self.ground is None else super().out_of_time() | self.left_field()

    def begin(self, env_ids: Tensor, scenarios: Tensor | None = None) -> ResetState:
        """See `Task.begin`; the patch is chosen by how the last episode went."""
        if self.ground is not None:
            self.levels.begin(env_ids, self.left_field())
            level, column = self.levels.level[env_ids], self.levels.column[env_ids]
            self.origins[env_ids] = self.ground.origins[level, column]
        return super().begin(env_ids, scenarios)

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `LeggedTask.reset`; in the middle of its patch."""
        state = super().reset(env_ids)
        if self.ground is not None:
            state.free_pose[:, 0, :3] += self.origins[env_ids]
        return state

    def memory(self) -> dict[str, Tensor]:
        """As of every task; with the levels `[N]`, and where the episodes began `[N, 3]`, m, world."""
        if self.ground is None:
            return super().memory()
        return {**super().memory(), "terrain_level": self.levels.level, "terrain_origins": self.origins}

    def shared_state(self) -> dict[str, Tensor]:
        """As of every task; with the mean level of each column, `[columns]`."""
        known = super().shared_state()
        return known if self.ground is None else {**known, "terrain_mean_level": self.levels.mean}

    def variants(self) -> dict[str, Tensor]:
        """The kinds of terrain that the episodes began on, `[N]` bool each."""
        if len(set(self.kinds)) < 2:
            return {}
        numbers = torch.tensor([self.kinds.index(kind) for kind in self.kinds], device=self.device)
        first = numbers[self.levels.column]  # of the columns of a kind
        return {kind: first == self.kinds.index(kind) for kind in dict.fromkeys(self.kinds)}

    def mirror(self) -> Mapping[str, MirrorImage] | None:
        """As of every robot on legs; the scan's points to the left become those to the right."""
        points = scan_points(self.config)
        across = len({y for _, y in points})
        source = [i - i % across + across - 1 - i % across for i in range(len(points))]
        return {**(super().mirror() or {}), "height_scan": (source, [1.0] * len(points))}

    # Observations, and numbers to watch.

    @observation("num_scan_points")
    def height_scan(self) -> Tensor:
        """How much higher (m) than in the stance the root is above the ground, at each point of a grid that turns with
        its heading; at most 1, either way. Of `task.terrain.scan`, row by row from behind right.
        """
        angle = yaw(self.root_quat)[:, None, None]
        places = self._scanned.repeat(self.num_envs, 1, 1)
        turn_about_z(places, angle.cos(), angle.sin())
        places += self.root_pos[:, None, :2]
        over = self.root_pos[:, 2:] - self.robot.stance_height
        ground = torch.zeros_like(places[..., 0]) if self.ground is None else self.ground.height(places)
        return (over - ground).clamp(-REACH, REACH)

    @observation(13)
    def root_state(self) -> Tensor:
        """As of every robot on legs; the position (m) from where the episode began."""
        state = super().root_state()
        return state if self.ground is None else torch.cat((self.since_origin, state[:, 3:]), dim=-1)

    @metric
    def terrain_level(self) -> Tensor:
        """The level of the patch that the episode began on, from 0, `[N]`."""
        return self.levels.level.float()

    @fact(more_is_better=True)
    def patch_level(self) -> Tensor:
        """The same, `[N]`; of evaluations and tests drawn evenly."""
        return self.levels.level.float()
