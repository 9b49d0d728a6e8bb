"""What is in the picture, where the camera stands, and models that cannot be drawn."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from recordings import MJCF

from rlkit.media.camera import TrackingCamera, corners, floating_robot, framed_geoms
from rlkit.media.caption import burn
from rlkit.media.ghost import RGBA, GhostGeoms, ghost_rgba
from rlkit.media.gl import RenderError
from rlkit.media.renderer import SceneRenderer

WALKER = """
<mujoco>
  <worldbody>
    <geom name="ground" type="plane" size="5 5 0.1"/>
    <body name="ball" pos="3 0 0.1"><freejoint/><geom type="sphere" size="0.1" rgba="0 0 1 1"/></body>
    <body name="torso" pos="0 0 1">
      <freejoint/>
      <geom type="box" size="0.1 0.2 0.3" rgba="1 0 0 1"/>
      <geom type="box" size="2 2 2" group="3" rgba="0 1 0 1"/>
      <body name="leg" pos="0 0 -0.3">
        <joint name="hip" axis="0 1 0"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.6" size="0.05" rgba="1 0 0 1"/>
      </body>
    </body>
  </worldbody>
</mujoco>
"""
POSE = np.array([0.0, 0.0, 0.5, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0])  # cart, arm, ball


def posed(mjcf: str, qpos: np.ndarray | None = None) -> tuple:
    model = mujoco.MjModel.from_xml_string(mjcf)
    data = mujoco.MjData(model)
    if qpos is not None:
        data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    return model, data


def on_screen(camera, points: np.ndarray, aspect: float) -> np.ndarray:
    """Where points [P, 3] land, -1 to 1 across the picture and up it, for MuJoCo's 45 degrees of height."""
    azimuth, elevation = np.radians(camera.azimuth), np.radians(camera.elevation)
    forward = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    seen = points - (camera.lookat - camera.distance * forward)
    depth = (seen @ forward) * np.tan(np.radians(22.5))
    return np.stack([seen @ right / depth / aspect, seen @ np.cross(right, forward) / depth], axis=-1)


def redness(picture: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    return (red > 90) & (red > 1.8 * green) & (red > 1.8 * blue)


@pytest.fixture
def renderers(drawing: None):
    made: list[SceneRenderer] = []

    def make(*args, **options) -> SceneRenderer:
        made.append(SceneRenderer(*args, **options))
        return made[-1]

    yield make
    for renderer in made:
        renderer.close()


def test_corners_are_those_of_a_turned_box() -> None:
    model, data = posed(
        '<mujoco><worldbody><geom type="box" size="1 2 3" pos="10 0 0" euler="0 0 90"/></worldbody></mujoco>'
    )
    points = corners(model, data, [0])
    assert points.shape == (8, 3)
    np.testing.assert_allclose(points.min(axis=0), [8, -1, -3], atol=1e-9)
    np.testing.assert_allclose(points.max(axis=0), [12, 1, 3], atol=1e-9)


def test_what_floats_is_a_robot_only_where_it_carries_joints() -> None:
    walker, _ = posed(WALKER)
    assert floating_robot(walker) == walker.body("torso").id
    assert set(framed_geoms(walker)) == {2, 4}  # neither plane nor ball nor collision shape
    cart, _ = posed(MJCF)
    assert floating_robot(cart) is None
    assert {cart.geom(geom).name for geom in framed_geoms(cart)} == {"box", "capsule", "sphere"}


@pytest.mark.parametrize("aspect", [4 / 3, 0.5])
def test_the_first_pose_fills_the_picture_and_not_more(aspect: float) -> None:
    model, data = posed(MJCF, POSE)
    camera = TrackingCamera(model, aspect).aim(data)
    reach = np.abs(on_screen(camera, corners(model, data, framed_geoms(model)), aspect)).max()
    assert 0.5 < reach < 0.85


def test_the_camera_stays_for_small_motions_and_follows_far_ones() -> None:
    model, data = posed(WALKER)
    tracking = TrackingCamera(model, 4 / 3)
    start = tracking.aim(data).lookat.copy()
    data.qpos[7] += 0.1  # of the torso, after the ball's seven numbers
    mujoco.mj_kinematics(model, data)
    assert np.array_equal(tracking.aim(data).lookat, start)
    path = []
    for _ in range(100):
        data.qpos[7] += 0.05
        mujoco.mj_kinematics(model, data)
        path.append(tracking.aim(data).lookat[0])
    assert (np.diff(path) < 0.06).all()  # gently: it never jumps
    points = corners(model, data, framed_geoms(model))
    assert np.abs(on_screen(tracking.aim(data), points, 4 / 3)).max() < 1.0


def test_the_camera_steps_back_for_the_widest_pose_but_not_for_a_ball_that_is_gone() -> None:
    model, data = posed(MJCF, POSE)
    near = TrackingCamera(model, 1.0).aim(data).distance
    distances = []
    for away in (1.0, 1000.0):
        tracking = TrackingCamera(model, 1.0)
        tracking.include(data)
        far = posed(MJCF, POSE + np.eye(9)[2] * away)[1]
        tracking.include(far)
        distances.append(tracking.aim(data).distance)
    assert near < distances[0] < distances[1] < 20 * near


@pytest.mark.slow
def test_the_picture_shows_the_pose(renderers) -> None:
    """The red box moves to the right as seen from where the camera stands, by what the projection says."""
    renderer = renderers(MJCF, 160, 120)
    before = renderer.frame(POSE)
    assert before.shape == (120, 160, 3) and before.dtype == np.uint8
    assert abs(before.astype(int) - renderer.frame(POSE)).max() < 16  # the headlight lags a frame
    after = renderer.frame(POSE + 0.1 * np.eye(9)[0])
    columns = [float(np.nonzero(redness(picture))[1].mean()) for picture in (before, after)]
    assert 3 < columns[1] - columns[0] < 40  # px; +x is to the right at an azimuth of 60 degrees


def test_a_bare_ground_is_chequered_and_there_is_a_sky(renderers) -> None:
    picture = renderers(MJCF, 160, 120).frame(POSE).astype(int)
    sky = picture[:6].reshape(-1, 3)
    assert (sky[:, 2] > sky[:, 0]).all()
    assert len(np.unique(picture[-12:].sum(axis=-1) // 24)) > 2


FROM_ABOVE = """
<mujoco>
  <worldbody>
    <light directional="true" dir="0 0 -1"/>
    <camera name="top" pos="0 0 3" xyaxes="1 0 0 0 1 0" fovy="45"/>
    {ground}
    <body><freejoint/><geom type="sphere" size="0.05" mass="1" rgba="{colour}"/></body>
  </worldbody>
</mujoco>
"""


@pytest.mark.parametrize(
    ("ground", "colour", "shadowed"),
    [
        ('<geom type="plane" size="2 2 0.1"/>', "1 0 0 1", True),
        ('<geom type="plane" size="2 2 0.1"/>', "1 0 0 0.3", False),  # glass
        ('<geom type="box" size="2 2 0.1" pos="0 0 -0.1"/>', "1 0 0 1", False),  # no level ground
    ],
)
def test_what_is_high_throws_its_shadow_where_the_light_takes_it(renderers, ground, colour, shadowed) -> None:
    """The light goes 0.15 m to the left and 0.2 m away while it falls 1 m."""
    renderer = renderers(FROM_ABOVE.format(ground=ground, colour=colour), 200, 200, camera="top")
    high, away = (renderer.frame(np.array([x, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0])).astype(float) for x in (0, 50))
    scale = 100 / (3 * np.tan(np.radians(22.5)))  # px a metre on the ground
    row, column = round(100 - 0.2 * scale), round(100 - 0.15 * scale)
    ratio = high[row, column].mean() / away[row, column].mean()
    assert (0.3 < ratio < 0.8) if shadowed else ratio == pytest.approx(1.0, abs=0.03)


def test_faces_of_a_box_are_edged_where_its_author_chose_no_material(renderers) -> None:
    box = '<body><freejoint/><geom type="box" size="0.4 0.4 0.4" mass="1" rgba="1 0 0 1"/></body>'
    camera = '<camera name="top" pos="0 0 3" xyaxes="1 0 0 0 1 0" fovy="45"/>'
    model = f"<mujoco><worldbody>{camera}{box}</worldbody></mujoco>"
    picture = renderers(model, 200, 200, camera="top").frame(np.array([0, 0, 0, 1.0, 0, 0, 0])).astype(float)
    half = (
        0.4 * 100 / ((3 - 0.4) * np.tan(np.radians(22.5)))
    )  # px from the middle to the edge of the upper face
    edge, middle = picture[100, round(100 + half) - 1, 0], picture[100, 100, 0]
    assert edge < 0.5 * middle


def test_an_author_s_material_and_sky_are_left(renderers) -> None:
    painted = MJCF.replace(
        "<worldbody>",
        '<asset><texture type="skybox" builtin="flat" rgb1="0 1 0" rgb2="0 1 0" width="8" height="48"/>'
        '<material name="paint" rgba="1 0 1 1"/></asset><worldbody>',
    ).replace('type="plane"', 'type="plane" material="paint"')
    picture = renderers(painted, 160, 120).frame(POSE).astype(int)
    assert (picture[0, :, 1] > 200).all() and (picture[0, :, 0] < 50).all()
    ground = picture[-8:].reshape(-1, 3)
    assert (ground[:, 0] > 2 * ground[:, 1]).mean() > 0.9


def test_a_named_camera_is_used_and_a_wrong_name_lists_them(renderers) -> None:
    with_camera = MJCF.replace("<worldbody>", '<worldbody><camera name="top" pos="0 0 2"/>')
    assert redness(renderers(with_camera, 160, 120, camera="top").frame(POSE))[50:70, 70:90].any()
    with pytest.raises(RenderError, match="no camera 'topp'; it has: top"):
        renderers(with_camera, 160, 120, camera="topp")
    with pytest.raises(RenderError, match="it has none"):
        renderers(MJCF, 160, 120, camera="top")


def test_a_model_or_pose_that_cannot_be_drawn_is_said(renderers) -> None:
    with pytest.raises(RenderError, match="cannot read the recorded model"):
        renderers("<mujoco><worldbody><geom/></worldbody></mujoco>", 160, 120)
    with pytest.raises(RenderError, match="pose has 9 numbers, the recorded one 8"):
        renderers(MJCF, 160, 120).frame(POSE[:8])


def test_the_caption_is_readable_and_stays_inside() -> None:
    grey = np.full((240, 320, 3), 128, np.uint8)
    short, long = burn(grey, "t 1.00 s"), burn(grey, "W" * 24)
    assert (grey == 128).all() and burn(grey, "") is grey
    assert short[-18:].max() > 200 > 128 > short[-18:].min()  # bright letters on a darker band
    assert np.array_equal(short[:210], grey[:210])
    assert (long[-8:, -3:] < 100).all()  # a long text is smaller, not cut


def test_the_reference_is_drawn_blue_and_translucent_beside_what_follows_it(renderers) -> None:
    """The cart's reference 0.4 m along x: to the right there it turns blue, and what stands alone does not."""
    renderer = renderers(MJCF, 160, 120)
    renderer.frame(POSE)  # the headlight lags a frame
    alone = renderer.frame(POSE).astype(int)
    np.testing.assert_array_equal(renderer.frame(POSE, ghost=POSE), alone)  # nothing is drawn twice
    ahead = renderer.frame(POSE, ghost=POSE + 0.4 * np.eye(9)[0]).astype(int)
    rows, columns = np.nonzero(np.abs(ahead - alone).sum(axis=-1) > 30)
    assert len(rows) > 50
    assert columns.mean() > np.nonzero(redness(alone))[1].mean() + 5
    before, after = alone[rows, columns].mean(axis=0), ahead[rows, columns].mean(axis=0)
    assert after[2] - after[0] > before[2] - before[0] + 20  # bluer
    assert np.array_equal(renderer.frame(POSE), alone)  # and gone again


def test_a_geom_that_is_not_seen_has_no_ghost() -> None:
    model, data = posed(
        """<mujoco><asset><material name="clear" rgba="1 1 1 0"/></asset><worldbody>
        <geom type="plane" size="1 1 1"/>
        <body><joint type="slide"/><geom name="seen" size="0.1"/>
          <geom size="0.2" rgba="1 0 0 0"/><geom size="0.3" material="clear"/><geom size="0.4" group="3"/></body>
        <body><joint type="slide"/><geom size="0.5"/></body>
        </worldbody></mujoco>"""
    )
    scene = mujoco.MjvScene(model, 100)
    GhostGeoms(model).add(scene, data, np.array([0.7, 0.0]))
    (geom,) = scene.geoms[: scene.ngeom]
    assert geom.size[0] == pytest.approx(0.1)
    np.testing.assert_allclose(geom.pos, [0, 0, 0.7])
    np.testing.assert_allclose(geom.rgba[:3], RGBA[:3])


def test_a_thing_of_several_colours_keeps_them_as_a_ghost() -> None:
    """Of three bodies on free joints: a painted one, one of a single colour, and one with a part that hangs on it."""
    painted = '<geom size="0.1" rgba="1 0 0 1"/><geom size="0.2" rgba="0 1 0 1"/>'
    part = '<body><joint/><geom size="0.1" rgba="1 0 0 1"/></body>'
    bodies = (painted, '<geom size="0.1" rgba="1 0 0 1"/>', painted + part)
    text = "".join(f"<body><freejoint/>{inside}</body>" for inside in bodies)
    model, _ = posed(f"<mujoco><worldbody>{text}</worldbody></mujoco>")
    wanted = [(1, 0, 0, 0.8), (0, 1, 0, 0.8), *[RGBA] * 4]
    np.testing.assert_allclose(ghost_rgba(model), wanted, atol=1e-6)


def test_the_ghost_lets_as_much_through_as_it_says(renderers) -> None:
    """A blue disc seen from above on white: of the ground's red light 65 % come through, and the ghost has little."""
    model = """<mujoco><visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
      <asset><material name="white" rgba="1 1 1 1" reflectance="0"/></asset><worldbody>
      <light pos="0 0 9" diffuse="0 0 0" specular="0 0 0" ambient="0 0 0"/>
      <camera name="top" pos="0 0 4"/><geom type="plane" size="9 9 1" material="white"/>
      <body pos="9 0 0.1"><joint type="slide" axis="1 0 0"/><geom type="cylinder" size="0.5 0.01"/></body>
    </worldbody></mujoco>"""
    renderer = renderers(model, 120, 120, camera="top")
    renderer.frame(np.zeros(1), ghost=-9.0 * np.ones(1))
    alone, ghost = (renderer.frame(np.zeros(1), ghost=there)[60, 60] for there in (None, -9.0 * np.ones(1)))
    share = 0.65 * alone[0] / 255
    assert share <= ghost[0] / 255 <= share + 0.35 * RGBA[0] * 1.5
