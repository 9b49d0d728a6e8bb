"""The types and constants of Isaac Gym that rlkit uses, each attribute with its type as in the public stubs."""

from __future__ import annotations

import enum
from typing import Any, ClassVar

import numpy as np


class GymMisuse(Exception):
    """A call that the real Isaac Gym would refuse, ignore, or crash on."""


class UpAxis(enum.IntEnum):
    UP_AXIS_Y, UP_AXIS_Z = 0, 1


class SimType(enum.IntEnum):
    SIM_PHYSX, SIM_FLEX = 0, 1


class DofDriveMode(enum.IntEnum):
    DOF_MODE_NONE, DOF_MODE_POS, DOF_MODE_VEL, DOF_MODE_EFFORT = 0, 1, 2, 3


class CoordinateSpace(enum.IntEnum):
    ENV_SPACE, LOCAL_SPACE, GLOBAL_SPACE = 0, 1, 2


class IndexDomain(enum.IntEnum):
    DOMAIN_ACTOR, DOMAIN_ENV, DOMAIN_SIM = 0, 1, 2


class ContactCollection(enum.IntEnum):
    CC_NEVER, CC_LAST_SUBSTEP, CC_ALL_SUBSTEPS = 0, 1, 2


class TensorDataType(enum.IntEnum):
    DTYPE_FLOAT32, DTYPE_UINT32, DTYPE_UINT64, DTYPE_UINT8, DTYPE_INT16 = 0, 1, 2, 3, 4


UP_AXIS_Z, SIM_PHYSX = UpAxis.UP_AXIS_Z, SimType.SIM_PHYSX
DOF_MODE_NONE, DOF_MODE_POS = DofDriveMode.DOF_MODE_NONE, DofDriveMode.DOF_MODE_POS
DOF_MODE_VEL, DOF_MODE_EFFORT = DofDriveMode.DOF_MODE_VEL, DofDriveMode.DOF_MODE_EFFORT
ENV_SPACE, LOCAL_SPACE, GLOBAL_SPACE = CoordinateSpace
DOMAIN_ACTOR, DOMAIN_ENV, DOMAIN_SIM = IndexDomain
CC_NEVER, CC_LAST_SUBSTEP, CC_ALL_SUBSTEPS = ContactCollection
DTYPE_FLOAT32, DTYPE_UINT32, DTYPE_UINT64 = list(TensorDataType)[:3]

DOF_PROPERTIES = np.dtype(
    [("hasLimits", "?"), ("lower", "<f4"), ("upper", "<f4"), ("driveMode", "<i4"), ("velocity", "<f4"),
     ("effort", "<f4"), ("stiffness", "<f4"), ("damping", "<f4"), ("friction", "<f4"), ("armature", "<f4")],
    align=True,
)  # fmt: skip


class _Struct:
    """Attributes of fixed names and types, as pybind11 makes them of a C struct."""

    fields: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        for name, default in self.fields.items():
            object.__setattr__(self, name, default() if isinstance(default, type) else default)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.fields:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        wanted = type(getattr(self, name))
        allowed = (int, float) if wanted is float else (wanted,)
        if not isinstance(value, allowed) or (isinstance(value, bool) and wanted is not bool):
            raise TypeError(
                f"{type(self).__name__}.{name} takes {wanted.__name__}, not {type(value).__name__}"
            )
        object.__setattr__(self, name, float(value) if wanted is float else value)


class Vec3(_Struct):
    fields = {"x": 0.0, "y": 0.0, "z": 0.0}

    def __init__(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> None:
        super().__init__()
        self.x, self.y, self.z = x, y, z


class Quat(_Struct):
    fields = {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}

    def __init__(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, w: float = 1.0) -> None:
        super().__init__()
        self.x, self.y, self.z, self.w = x, y, z, w


class Transform(_Struct):
    fields = {"p": Vec3, "r": Quat}


class Mat33(_Struct):
    fields = {"x": Vec3, "y": Vec3, "z": Vec3}


class PhysXParams(_Struct):
    fields = {
        "always_use_articulations": False, "bounce_threshold_velocity": 0.5,
        "contact_collection": CC_ALL_SUBSTEPS, "contact_offset": 0.02, "default_buffer_size_multiplier": 2.0,
        "friction_correlation_distance": 0.025, "friction_offset_threshold": 0.04,
        "max_depenetration_velocity": 100.0, "max_gpu_contact_pairs": 1 << 20, "num_position_iterations": 4,
        "num_subscenes": 0, "num_threads": 0, "num_velocity_iterations": 1, "rest_offset": 0.001, "solver_type": 1,
        "use_gpu": False,
    }  # fmt: skip


class SimParams(_Struct):
    fields = {
        "dt": 1.0 / 60.0, "enable_actor_creation_warning": True, "gravity": Vec3, "num_client_threads": 0,
        "physx": PhysXParams, "substeps": 2, "up_axis": UpAxis.UP_AXIS_Y, "use_gpu_pipeline": False,
    }  # fmt: skip


class PlaneParams(_Struct):
    fields = {
        "distance": 0.0, "dynamic_friction": 1.0, "normal": Vec3, "restitution": 0.0, "segmentation_id": 0,
        "static_friction": 1.0,
    }  # fmt: skip


class AssetOptions(_Struct):
    fields = {
        "angular_damping": 0.5, "armature": 0.0, "collapse_fixed_joints": False,
        "convex_decomposition_from_submeshes": False, "default_dof_drive_mode": 0, "density": 1000.0,
        "disable_gravity": False, "enable_gyroscopic_forces": True, "fix_base_link": False,
        "flip_visual_attachments": False, "linear_damping": 0.0, "max_angular_velocity": 64.0,
        "max_linear_velocity": 1000.0, "override_com": False, "override_inertia": False,
        "replace_cylinder_with_capsule": False, "slices_per_cylinder": 20, "thickness": 0.02,
        "use_mesh_materials": False, "use_physx_armature": True, "vhacd_enabled": False,
    }  # fmt: skip


class RigidShapeProperties(_Struct):
    fields = {
        "compliance": 0.0, "contact_offset": 0.02, "filter": 0, "friction": 1.0, "rest_offset": 0.001,
        "restitution": 0.0, "rolling_friction": 0.0, "thickness": 0.01, "torsion_friction": 0.0,
    }  # fmt: skip


class RigidBodyProperties(_Struct):
    fields = {"com": Vec3, "flags": 0, "inertia": Mat33, "invInertia": Mat33, "invMass": 1.0, "mass": 1.0}


class IndexRange(_Struct):
    fields = {"count": 0, "start": 0}


class Tensor:
    """Where numbers are: it keeps nothing alive, as the real one holds an address only."""

    def __init__(self, array: np.ndarray, dtype: TensorDataType, alive: Any) -> None:
        self.array, self.dtype, self.alive = array, dtype, alive
        self.shape, self.device = array.shape, -1


def acquire_gym() -> Any:
    from isaacgym._gym import GYM  # only here: it imports these types

    return GYM
