"""From MuJoCo Warp's arrays to the tensors of the seam: where each number goes, and the launches that bring it."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from torch import Tensor

from rlkit.sims.api import SceneSpec
from rlkit.sims.mjmodel.checks import subtree
from rlkit.sims.mjmodel.scene import Scene
from rlkit.sims.warp import kernels


class MotionReader:
    """Poses and velocities at the state that the simulation has reached.

    After a step MuJoCo's poses belong to the state one integrator step ago. This runs the kinematics again at
    the new state, without collisions, and gathers the seam's numbers in one kernel.
    values: `[N, columns]`, persistent; `views` are its parts by the seam's names.
    """

    def __init__(
        self, model: mjw.Model, data: mjw.Data, scene: Scene, spec: SceneSpec, device: torch.device
    ) -> None:
        self._model, self._data = model, data
        blocks = {name: block for name, block in scene.blocks.items() if name != "contact"}
        self.values = torch.zeros(data.nworld, scene.blocks["contact"].start, device=device)
        self.views: dict[str, Tensor] = {
            name: self.values[:, block.start : block.stop].unflatten(1, block.shape)
            for name, block in blocks.items()
        }
        items = _items(scene, spec)
        self._num_items = len(items)
        table = np.array(items, np.int32).reshape(-1, 7)
        with wp.ScopedDevice(wp.device_from_torch(device)):
            self._kind = wp.array(table[:, 0], dtype=int)
            self._index = wp.array(table[:, 1:3], dtype=int)
            self._columns = wp.array(table[:, 3:], dtype=int)
        self._out = wp.from_torch(self.values)

    def launch(self, chosen: Tensor) -> None:
        """Launch the kernels that bring `values` up to date in the worlds `chosen` (`[N]` bool)."""
        m, d = self._model, self._data
        mjw.kinematics(m, d)
        mjw.com_pos(m, d)
        mjw.com_vel(m, d)
        wp.launch(
            kernels.read_motion,
            dim=(d.nworld, self._num_items),
            inputs=[
                *(self._kind, self._index, self._columns),
                *(m.body_rootid, m.site_bodyid, m.site_quat, wp.from_torch(chosen)),
                *(d.qpos, d.qvel, d.xpos, d.xquat, d.cvel, d.subtree_com, d.site_xpos),
            ],
            outputs=[self._out],
        )


def _items(scene: Scene, spec: SceneSpec) -> list[tuple[int, ...]]:
    """Rows of kind, index (2) and columns (4) for `kernels.read_motion`."""
    model, first = scene.model, {name: block.start for name, block in scene.blocks.items()}
    items = []
    for k, (qpos, qvel) in enumerate(zip(scene.qpos_ids, scene.qvel_ids)):
        items.append((kernels.JOINT, qpos, qvel, first["joint_pos"] + k, first["joint_vel"] + k, 0, 0))
    for k, name in enumerate(spec.bodies):
        columns = [first["body_pos"] + 3 * k, first["body_quat"] + 4 * k]
        columns += [first["body_lin_vel"] + 3 * k, first["body_ang_vel"] + 3 * k]
        items.append((kernels.BODY, model.body(name).id, 0, *columns))
    for k, name in enumerate(spec.sites):
        columns = [first["site_pos"] + 3 * k, first["site_quat"] + 4 * k]
        items.append((kernels.SITE, model.site(name).id, 0, *columns, 0, 0))
    return items


class ContactReader:
    """Net contact forces of the last integrator step.

    values: `[N, contacts, 4]`, persistent: the number of points, then the force on the sensor's body, N, world.
    """

    def __init__(
        self,
        model: mjw.Model,
        data: mjw.Data,
        compiled: mujoco.MjModel,
        spec: SceneSpec,
        device: torch.device,
    ) -> None:
        self._model, self._data = model, data
        self.values = torch.zeros(data.nworld, len(spec.contacts), 4, device=device)
        self.count, self.force = self.values[..., 0], self.values[..., 1:]
        felt_by = np.zeros((len(spec.contacts), compiled.nbody), bool)
        caused_by = np.zeros_like(felt_by)
        for k, contact in enumerate(spec.contacts):
            body = compiled.body(contact.body).id
            felt_by[k, subtree(compiled, body) if contact.subtree else body] = True
            if contact.other is not None:
                caused_by[k, compiled.body(contact.other).id] = True
        with wp.ScopedDevice(wp.device_from_torch(device)):
            self._felt_by = wp.array(felt_by, dtype=wp.bool)
            self._caused_by = wp.array(caused_by, dtype=wp.bool)
            self._any_other = wp.array([c.other is None for c in spec.contacts], dtype=wp.bool)
        self._out = wp.from_torch(self.values)

    def launch(self) -> None:
        """Launch the kernels that sum up the contacts of the last integrator step."""
        if not self.values.numel():
            return
        m, d = self._model, self._data
        c = d.contact
        self._out.zero_()
        wp.launch(
            kernels.read_contacts,
            dim=d.naconmax,
            inputs=[
                *(int(m.opt.cone), d.njmax, m.geom_bodyid),
                *(self._felt_by, self._caused_by, self._any_other),
                *(d.nacon, c.worldid, c.type, c.geom, c.frame, c.friction, c.dim, c.efc_address, c.adhesion),
                d.efc.force,
            ],
            outputs=[self._out],
        )


class HealthReader:
    """Which worlds exploded in the last step, and how many were short of room since they were last counted."""

    def __init__(self, data: mjw.Data, device: torch.device) -> None:
        self._data = data
        self.unstable = torch.zeros(data.nworld, dtype=torch.bool, device=device)
        self._num_overflows = torch.zeros(1, dtype=torch.int32, device=device)
        # What a world that is not finite leaves in the rows it does not use would spread when it is used again
        self._scratch = [wp.to_torch(array) for array in (data.efc.J, data.efc.D)]

    def launch(self) -> None:
        """Launch the kernel that looks at every world."""
        d = self._data
        wp.launch(
            kernels.check_worlds,
            dim=d.nworld,
            inputs=[d.qpos, d.qvel, d.qacc, d.ctrl],
            outputs=[d.overflow, wp.from_torch(self.unstable), wp.from_torch(self._num_overflows)],
        )

    def forget(self, rows: Tensor | slice) -> None:
        """Leave nothing of an explosion in the worlds `rows` (`[k]` int64)."""
        for values in self._scratch:
            values[rows] = 0.0

    def overflows(self) -> int:
        """World-steps without enough room since the last call; waits for the device."""
        count = int(self._num_overflows.item())
        self._num_overflows.zero_()
        return count
