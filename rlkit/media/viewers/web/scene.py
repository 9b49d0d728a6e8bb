"""A Scene on a page: meshes under one frame for each body, the ground, and where the reference is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import viser

from rlkit.media.camera import TrackingCamera
from rlkit.media.ghost import Poses, apart, ghost_rgba
from rlkit.media.viewers.scene import Ground, Scene, Shape

WHAT_MOVES, NOTHING = "what moves", "nothing"

ROOT = "/scene"
"""The frame that all is drawn in: the world's, moved as what is followed moves."""
_GHOST = f"{ROOT}/reference"
_ASPECT = 1.2  # of the picture beside the controls, at least
_ROOM = 1.4  # times as far as the first pose needs: things will move


class WebScene:
    """Draws a Scene on a server.

    `follow` is what stays in the picture: WHAT_MOVES (gently), NOTHING, or the name of a body. Following moves
    the world, not the camera: the camera stays the user's. `shows_ghost`: whether the reference is drawn.
    """

    def __init__(self, server: viser.ViserServer, scene: Scene) -> None:
        self.scene = scene
        self.follow = WHAT_MOVES
        self.shows_ghost = True
        self._server = server
        with server.atomic():
            server.scene.reset()
            server.scene.set_up_direction("+z")
            self._add_lights()
            self._root = server.scene.add_frame(ROOT, show_axes=False)
            for number, ground in enumerate(scene.grounds):
                self._add_ground(number, ground)
            self._frames: dict[int, viser.FrameHandle] = {}
            for shape in scene.shapes:
                self._add_shape(shape, ROOT, self._frames)
        self._ghosts: dict[int, viser.FrameHandle] = {}  # made when there is one
        self._aim()
        self._aimed = False

    @property
    def followable(self) -> tuple[str, ...]:
        """What `follow` may be."""
        return (WHAT_MOVES, NOTHING, *(self.scene.bodies[body] for body in self.scene.moving))

    def place_of(self, body: str) -> np.ndarray:
        """Where a body, by its name, was drawn last: `[3]` m, world frame."""
        return self.scene.data.xpos[self.scene.bodies.index(body)].copy()

    def draw(self, qpos: np.ndarray, ghost: np.ndarray | None = None) -> None:
        """Put the bodies where they are at `qpos` [nq], and where the reference has them at `ghost` [nq]."""
        reference = None if ghost is None else self.scene.pose(ghost)
        positions, quaternions = self.scene.pose(qpos)
        if not self._aimed:  # a model's own pose may be far from where episodes begin
            self._aim()
            self._aimed = True
        with self._server.atomic():
            for body in self.scene.moving:
                frame = self._frames.get(body)
                if frame is not None:
                    frame.position, frame.wxyz = positions[body], quaternions[body]
            self._draw_ghost((positions, quaternions), reference)
            self._root.position = self._shift(positions)

    def _draw_ghost(self, bodies: Poses, reference: Poses | None) -> None:
        """Show those of the `bodies` that the reference has elsewhere, there."""
        if reference is None or not self.shows_ghost:
            for frame in self._ghosts.values():
                frame.visible = False
            return
        if not self._ghosts:
            colours = ghost_rgba(self.scene.model)
            for shape in self.scene.shapes:
                if shape.body in self.scene.moving:
                    rgba = colours[shape.geom]
                    self._add_shape(replace(shape, rgba=tuple(rgba.tolist())), _GHOST, self._ghosts)
        elsewhere = apart(bodies, reference)
        for body, frame in self._ghosts.items():
            frame.position, frame.wxyz = reference[0][body], reference[1][body]
            frame.visible = bool(elsewhere[body])

    def _shift(self, positions: np.ndarray) -> np.ndarray:
        """How far the world is moved, so that what is followed stays where the camera looked at first [m]."""
        tracked = self._tracker.aim(self.scene.data).lookat  # also while it is not followed, so as not to lag
        if self.follow == NOTHING:
            return np.zeros(3)
        if self.follow == WHAT_MOVES:
            return self._looked_at - tracked
        return self._looked_at - positions[self.scene.bodies.index(self.follow)]

    def _add_lights(self) -> None:
        """From behind the camera's left shoulder, and a little from everywhere, so that no face is black."""
        add = self._server.scene
        add.configure_default_lights(False)
        add.configure_environment_map(None)
        add.add_light_hemisphere("/sky light", ground_color=(150, 150, 155), intensity=2.2)
        add.add_light_directional("/sun", intensity=3.0, cast_shadow=True, position=(-1.6, -1.2, 3.0))

    def _add_shape(self, shape: Shape, root: str, frames: dict[int, viser.FrameHandle]) -> None:
        """A mesh under the frame of its body, which is added to `frames` with its first one."""
        parent = f"{root}/{shape.body}"
        if shape.body not in frames:
            frames[shape.body] = self._server.scene.add_frame(
                parent,
                show_axes=False,
                position=self.scene.data.xpos[shape.body],
                wxyz=self.scene.data.xquat[shape.body],
            )
        self._server.scene.add_mesh_simple(
            f"{parent}/{shape.name}",
            np.asarray(shape.mesh.vertices, np.float32),
            np.asarray(shape.mesh.faces, np.uint32),
            color=_rgb(shape.rgba),
            opacity=shape.rgba[3] if shape.rgba[3] < 1 else None,
            flat_shading=shape.faceted or len(shape.mesh.faces) < 100,
            cast_shadow=shape.rgba[3] == 1,
            receive_shadow=False,  # small and self-shadowed, it would be patchy
        )

    def _add_ground(self, number: int, ground: Ground) -> None:
        self._server.scene.add_grid(
            f"{ROOT}/ground {number}",
            infinite_grid=True,
            cell_size=0.1,
            section_size=1.0,
            cell_color=(205, 208, 214),
            section_color=(150, 155, 165),
            fade_distance=12.0,
            plane_color=_rgb(ground.rgba),
            plane_opacity=ground.rgba[3],
            shadow_opacity=0.25,
            position=ground.position,
            wxyz=ground.quaternion,
        )

    def _aim(self) -> None:
        """Where the page's camera starts and what its reset button goes back to: as in videos."""
        model = self.scene.model
        self._tracker = TrackingCamera(model, _ASPECT)
        view = self._tracker.aim(self.scene.data)
        self._looked_at = view.lookat.copy()
        azimuth, elevation = np.radians(view.azimuth), np.radians(view.elevation)
        flat = np.cos(elevation) * np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
        forward = flat + np.array([0.0, 0.0, np.sin(elevation)])
        camera = self._server.initial_camera
        camera.fov = float(np.radians(model.vis.global_.fovy))
        camera.position = view.lookat - _ROOM * view.distance * forward
        camera.look_at = self._looked_at


def _rgb(rgba: tuple[float, float, float, float]) -> tuple[int, int, int]:
    red, green, blue = (round(255 * value) for value in rgba[:3])
    return red, green, blue
