"""Warp kernels that turn MuJoCo Warp's arrays into the numbers of the seam."""

# Annotations of kernels are read by Warp, which names arrays by calls and slices
# pyright: reportInvalidTypeForm=false, reportArgumentType=false, reportOperatorIssue=false
# pyright: reportIndexIssue=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportGeneralTypeIssues=false, reportAssignmentType=false

import warp as wp
from mujoco_warp._src.support import contact_force_fn
from mujoco_warp._src.types import ContactType, OverflowType, vec5

wp.set_module_options({"enable_backward": False})

JOINT, BODY, SITE = 0, 1, 2  # kinds of items that `read_motion` reads
_MAX = wp.constant(1.0e10)  # mjMAXVAL: MuJoCo warns about positions, velocities and accelerations beyond it
_CONSTRAINT = wp.constant(int(ContactType.CONSTRAINT))
_NO_ROOM = wp.constant(
    int(
        OverflowType.NEFC
        | OverflowType.NJMAX_NNZ
        | OverflowType.BROADPHASE
        | OverflowType.NARROWPHASE
        | OverflowType.CCD
        | OverflowType.HFIELD
    )
)


@wp.func
def _write3(out: wp.array2d[float], world: int, column: int, value: wp.vec3):
    for k in range(3):
        out[world, column + k] = value[k]


@wp.func
def _write4(out: wp.array2d[float], world: int, column: int, value: wp.quat):
    for k in range(4):
        out[world, column + k] = value[k]


@wp.func
def _times(a: wp.quat, b: wp.quat) -> wp.quat:
    """Product of two quaternions whose components are in MuJoCo's order w, x, y, z."""
    return wp.quat(
        a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
        a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
        a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
        a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
    )


@wp.kernel
def read_motion(
    kind: wp.array[int],
    index: wp.array2d[int],
    columns: wp.array2d[int],
    body_rootid: wp.array[int],
    site_bodyid: wp.array[int],
    site_quat: wp.array2d[wp.quat],
    chosen: wp.array[bool],
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    xpos: wp.array2d[wp.vec3],
    xquat: wp.array2d[wp.quat],
    cvel: wp.array2d[wp.spatial_vector],
    subtree_com: wp.array2d[wp.vec3],
    site_xpos: wp.array2d[wp.vec3],
    out: wp.array2d[float],
):
    """Poses and velocities of one item in one of the `chosen` worlds, into its `columns` of `out`.

    index: for a joint its addresses in qpos and qvel, else the body or site. `cvel` is angular then linear,
    of the point of the body that passes the centre of mass of its tree; we need the body frame's origin.
    """
    world, item = wp.tid()
    if not chosen[world]:
        return
    i = index[item, 0]
    if kind[item] == JOINT:
        out[world, columns[item, 0]] = qpos[world, i]
        out[world, columns[item, 1]] = qvel[world, index[item, 1]]
    elif kind[item] == BODY:
        spin = wp.spatial_top(cvel[world, i])
        arm = xpos[world, i] - subtree_com[world, body_rootid[i]]
        _write3(out, world, columns[item, 0], xpos[world, i])
        _write4(out, world, columns[item, 1], xquat[world, i])
        _write3(out, world, columns[item, 2], wp.spatial_bottom(cvel[world, i]) + wp.cross(spin, arm))
        _write3(out, world, columns[item, 3], spin)
    else:
        quat = _times(xquat[world, site_bodyid[i]], site_quat[world % site_quat.shape[0], i])
        _write3(out, world, columns[item, 0], site_xpos[world, i])
        _write4(out, world, columns[item, 1], quat)


@wp.kernel
def read_sensors(
    places: wp.array[int], chosen: wp.array[bool], sensordata: wp.array2d[float], out: wp.array2d[float]
):
    """One number of a sensor in one of the `chosen` worlds, from its place in MuJoCo's order."""
    world, column = wp.tid()
    if chosen[world]:
        out[world, column] = sensordata[world, places[column]]


@wp.func
def _direction(felt1: bool, felt2: bool, caused1: bool, caused2: bool, any_other: bool) -> float:
    """1 where the force on the contact's second body is the sensor's, -1 its opposite, 0 no match.

    MuJoCo's rule: a contact inside a subtree counts once, with the sign of its second body.
    """
    if any_other:
        return wp.where(felt2, 1.0, wp.where(felt1, -1.0, 0.0))
    if caused1 and felt2:
        return 1.0
    if caused2 and felt1:
        return -1.0
    return 0.0


@wp.kernel
def read_contacts(
    cone: int,
    njmax: int,
    geom_bodyid: wp.array[int],
    felt_by: wp.array2d[bool],
    caused_by: wp.array2d[bool],
    any_other: wp.array[bool],
    nacon: wp.array[int],
    worldid: wp.array[int],
    contact_type: wp.array[int],
    geom: wp.array[wp.vec2i],
    frame: wp.array[wp.mat33],
    friction: wp.array[vec5],
    dim: wp.array[int],
    efc_address: wp.array2d[int],
    adhesion: wp.array[float],
    efc_force: wp.array2d[float],
    out: wp.array3d[float],
):
    """Add one contact of any world to the sensors it matches: 1 to the count, and its force (N, world)."""
    contact = wp.tid()
    if contact >= wp.min(nacon[0], geom.shape[0]):
        return
    if (contact_type[contact] & _CONSTRAINT) == 0:
        return
    world = worldid[contact]
    body1 = geom_bodyid[geom[contact][0]]
    body2 = geom_bodyid[geom[contact][1]]
    wrench = contact_force_fn(
        cone, frame, friction, dim, efc_address, adhesion, efc_force, njmax, nacon, world, contact, True
    )
    force = wp.spatial_top(wrench)
    for s in range(felt_by.shape[0]):
        sign = _direction(
            felt_by[s, body1], felt_by[s, body2], caused_by[s, body1], caused_by[s, body2], any_other[s]
        )
        if sign != 0.0:
            wp.atomic_add(out, world, s, 0, 1.0)
            for k in range(3):
                wp.atomic_add(out, world, s, 1 + k, sign * force[k])


@wp.func
def _wild(values: wp.array2d[float], world: int, limit: float) -> bool:
    for i in range(values.shape[1]):  # noqa: SIM110  (a kernel has no generators)
        if not (wp.abs(values[world, i]) <= limit):  # so that a NaN counts
            return True
    return False


@wp.kernel
def check_worlds(
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    qacc: wp.array2d[float],
    ctrl: wp.array2d[float],
    overflow: wp.array[int],
    unstable: wp.array[bool],
    num_overflows: wp.array[int],
):
    """Mark a world whose numbers exploded, and count one that had more contacts than there is room for."""
    world = wp.tid()
    unstable[world] = (
        _wild(qpos, world, _MAX)
        or _wild(qvel, world, _MAX)
        or _wild(qacc, world, _MAX)
        or _wild(ctrl, world, _MAX)
    )
    if (overflow[world] & _NO_ROOM) != 0:
        wp.atomic_add(num_overflows, 0, 1)
    overflow[world] = 0
