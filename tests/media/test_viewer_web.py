"""A model as shapes and poses, the page that shows them, and its port."""

from __future__ import annotations

import contextlib
import socket
import sys
import urllib.request
from dataclasses import replace
from typing import Any, Iterator

import numpy as np
import pytest

pytest.importorskip("viser", reason="the web viewer is optional: pip install -e '.[viewer]'")

import viser
from recordings import AHEAD, MJCF, make_recording, with_reference

from rlkit.media.recording import Recording, save
from rlkit.media.viewers import Frame, ViewerError, choose_viewer, open_viewer
from rlkit.media.viewers.playback import Episodes, Playback
from rlkit.media.viewers.scene import Scene
from rlkit.media.viewers.web.player import WebPlayer
from rlkit.media.viewers.web.plot import History
from rlkit.media.viewers.web.viewer import WebViewer, make_push

pytestmark = pytest.mark.alone

SHAPES = """
<mujoco>
  <compiler angle="radian"/>
  <asset>
    <material name="red" rgba="0.9 0.1 0.1 1"/>
    <mesh name="wedge" vertex="0 0 0  0.4 0 0  0 0.4 0  0 0 0.4"/>
  </asset>
  <worldbody>
    <geom name="floor" type="plane" size="1 1 0.1" pos="0 0 -0.5" rgba="0.1 0.2 0.3 1"/>
    <body name="thing">
      <freejoint/>
      <geom name="box" type="box" size="0.1 0.2 0.3" pos="1 0 0" material="red"/>
      <geom name="turned" type="box" size="0.1 0.2 0.3" quat="0.7071067811865476 0 0 0.7071067811865476"/>
      <geom name="ball" type="sphere" size="0.25" rgba="0 1 0 0.5"/>
      <geom name="pill" type="capsule" fromto="0 0 0 0 0 0.6" size="0.05"/>
      <geom name="can" type="cylinder" size="0.1 0.4"/>
      <geom name="egg" type="ellipsoid" size="0.1 0.2 0.3"/>
      <geom name="wedge" type="mesh" mesh="wedge"/>
      <geom name="collision" type="box" size="1 1 1" group="3"/>
      <geom name="clear" type="box" size="1 1 1" rgba="1 1 1 0"/>
    </body>
  </worldbody>
</mujoco>
"""
FRAME = Frame(
    0, 0, 1, 0.02, np.array([0.3, 0, 0.5, 0, 0.3, 1, 0, 0, 0]), 1.0, 1.0, {"alive": 0.7, "speed": 0.3}
)


def test_every_kind_of_geom_has_its_size_place_and_colour() -> None:
    scene = Scene(SHAPES)
    shapes = {shape.name: shape for shape in scene.shapes}
    assert set(shapes) == {
        "box",
        "turned",
        "ball",
        "pill",
        "can",
        "egg",
        "wedge",
    }  # no plane, hidden or clear ones
    extents = {
        "box": ([0.9, -0.2, -0.3], [1.1, 0.2, 0.3]),
        "turned": ([-0.2, -0.1, -0.3], [0.2, 0.1, 0.3]),
        "ball": ([-0.25] * 3, [0.25] * 3),
        "pill": ([-0.05, -0.05, -0.05], [0.05, 0.05, 0.65]),
        "can": ([-0.1, -0.1, -0.4], [0.1, 0.1, 0.4]),
        "egg": ([-0.1, -0.2, -0.3], [0.1, 0.2, 0.3]),
        "wedge": ([0.0, 0.0, 0.0], [0.4, 0.4, 0.4]),
    }
    for name, (low, high) in extents.items():
        np.testing.assert_allclose(shapes[name].mesh.bounds, [low, high], atol=0.006, err_msg=name)
    assert shapes["box"].rgba == pytest.approx((0.9, 0.1, 0.1, 1.0))
    assert shapes["ball"].rgba == pytest.approx((0, 1, 0, 0.5))
    assert scene.not_drawn == []
    (ground,) = scene.grounds
    np.testing.assert_allclose(ground.position, [0, 0, -0.5])
    assert ground.rgba == pytest.approx((0.1, 0.2, 0.3, 1.0))


def test_a_height_field_is_drawn_in_the_triangles_that_things_rest_on() -> None:
    scene = Scene("""<mujoco><asset><hfield name="hill" nrow="2" ncol="3" size="2 1 0.5 0.1" elevation="0 0 0 0 1 0"/>
        </asset><worldbody><geom name="hill" type="hfield" hfield="hill" pos="0 0 1"/></worldbody></mujoco>""")
    (shape,) = scene.shapes
    assert shape.faceted and scene.not_drawn == []
    heights = {tuple(place[:2]): place[2] for place in shape.mesh.vertices.round(6).tolist()}
    assert len(heights) == 6 and sorted(heights.values()) == [1.0] * 5 + [1.5]
    assert len(shape.mesh.faces) == 4 and (shape.mesh.face_normals[:, 2] > 0).all()


def test_bodies_are_where_a_pencil_puts_them() -> None:
    scene = Scene(MJCF)
    positions, quaternions = scene.pose(np.array([0.3, np.pi / 2, 0.6, 0.1, 0.4, 0, 0, 1, 0]))
    place = dict(zip(scene.bodies, positions))
    np.testing.assert_allclose(place["cart"], [0.3, 0, 0.2], atol=1e-12)
    np.testing.assert_allclose(place["arm"], [0.3, 0, 0.3], atol=1e-12)
    np.testing.assert_allclose(place["ball"], [0.6, 0.1, 0.4], atol=1e-12)
    turn = dict(zip(scene.bodies, quaternions))
    np.testing.assert_allclose(turn["arm"], [np.sqrt(0.5), 0, np.sqrt(0.5), 0], atol=1e-12)
    np.testing.assert_allclose(turn["ball"], [0, 0, 1, 0], atol=1e-12)
    assert [scene.bodies[body] for body in scene.moving] == ["cart", "arm", "ball"]


def test_a_state_of_another_model_and_a_model_that_is_none_are_refused() -> None:
    with pytest.raises(ViewerError, match="4 positions, the model 9"):
        Scene(MJCF).pose(np.zeros(4))
    with pytest.raises(ViewerError, match="cannot read the model"):
        Scene("<mujoco><worldbody>")


def test_unnamed_bodies_have_names_of_their_own() -> None:
    scene = Scene(MJCF.replace(' name="arm"', "").replace(' name="ball"', ""))
    assert len(set(scene.bodies)) == 4


# --- the page -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(**changes) -> Iterator[WebViewer]:
    arguments = {"mjcf": MJCF, "title": "Cart", "num_envs": 4, "control_period": 0.02, "port": 0, **changes}
    viewer = open_viewer("web", **arguments)
    assert isinstance(viewer, WebViewer)
    try:
        yield viewer
    finally:
        viewer.close()


def test_a_page_is_served_quietly_and_its_port_is_free_again_afterwards(capfd) -> None:
    with opened() as viewer:
        assert viewer.address is not None
        port = int(viewer.address.rsplit(":", 1)[1])
        viewer.show(FRAME)
        with urllib.request.urlopen(viewer.address) as page:
            assert b"<html" in page.read(2000).lower()
        assert not viewer.closed
    assert viewer.closed
    viewer.close()  # a second time does nothing
    with opened(port=port) as again:
        assert again.address == f"http://127.0.0.1:{port}"
    assert capfd.readouterr().out == ""


def test_a_taken_port_is_refused_and_the_next_one_not_taken_instead() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ViewerError, match=rf"port {port} is taken.*env\.viewerPort=0"), opened(port=port):
            pass


@pytest.mark.parametrize(
    ("changes", "words"), [({"port": 70000}, "65535"), ({"host": "no.such.host."}, "no.such.host")]
)
def test_an_address_that_cannot_be_is_refused(changes, words) -> None:
    with pytest.raises(ViewerError, match=words), opened(**changes):
        pass


def test_frames_move_the_bodies_of_the_page() -> None:
    with opened() as viewer:
        viewer.show(FRAME)
        drawn = viewer._stage.scene._frames
        bodies = viewer._stage.scene.scene.bodies
        np.testing.assert_allclose(drawn[bodies.index("cart")].position, [0.3, 0, 0.2], atol=1e-6)
        np.testing.assert_allclose(drawn[bodies.index("ball")].position, [0.5, 0, 0.3], atol=1e-6)


def test_what_is_followed_stays_where_the_camera_looks() -> None:
    far = FRAME.qpos.copy()
    far[0] += 2.0
    with opened() as viewer:
        scene = viewer._stage.scene
        scene.draw(FRAME.qpos)
        looked_at = np.array(viewer._stage.server.initial_camera.look_at)
        scene.follow = "cart"
        scene.draw(far)
        np.testing.assert_allclose(scene._root.position, looked_at - [2.3, 0, 0.2], atol=1e-6)
        scene.follow = "nothing"
        scene.draw(far)
        np.testing.assert_allclose(scene._root.position, [0, 0, 0])
        scene.follow = "what moves"
        for _ in range(100):
            scene.draw(far)
        assert -2.0 < scene._root.position[0] < -0.5  # along with the cart, and the ball still counts
        assert "ground" not in scene.followable


def test_the_reference_is_drawn_where_it_is_translucent_and_only_where_the_robot_is_not() -> None:
    ghost = FRAME.qpos + AHEAD * np.eye(9)[0]
    with opened() as viewer:
        stage = viewer._stage
        viewer.show(FRAME)
        assert not stage.scene._ghosts and not stage._reference.visible
        scene = stage.scene
        scene.draw(FRAME.qpos, ghost)
        ghosts = {scene.scene.bodies[body]: frame for body, frame in scene._ghosts.items()}
        np.testing.assert_allclose(ghosts["cart"].position, [0.3 + AHEAD, 0, 0.2], atol=1e-6)
        np.testing.assert_allclose(scene._frames[1].position, [0.3, 0, 0.2], atol=1e-6)
        assert {name: frame.visible for name, frame in ghosts.items()} == {
            "cart": True,
            "arm": True,
            "ball": False,  # there twice, it would flicker
        }
        sent = stage.server.scene._handle_from_node_name
        mesh = sent["/scene/reference/1/box"]
        assert isinstance(mesh, viser.MeshHandle)
        assert mesh.opacity == pytest.approx(0.35) and not mesh.cast_shadow
        assert isinstance(sent["/scene/1/box"], viser.MeshHandle) and sent["/scene/1/box"].opacity is None
        assert not any(name.startswith("/scene/reference/0") for name in sent)  # the ground does not move
        scene.shows_ghost = False
        scene.draw(FRAME.qpos, ghost)
        assert not any(frame.visible for frame in ghosts.values())
        scene.shows_ghost = True
        scene.draw(FRAME.qpos)  # an episode without
        assert not any(frame.visible for frame in ghosts.values())


def test_the_page_offers_the_reference_and_plots_metrics_where_there_are_any() -> None:
    frame = replace(FRAME, ghost=FRAME.qpos, metrics={"cart_error": 0.1, "arm_error": 0.2})
    with opened() as viewer:
        stage = viewer._stage
        viewer.show(FRAME)
        assert stage.terms._chart is not None
        assert vars(stage.metrics)["_chart"] is None
        stage._drawn = stage._told = float("-inf")
        viewer.show(frame)
        assert stage._reference.visible
        chart = stage.metrics._chart
        assert chart is not None
        assert [series.get("label") for series in chart.series] == ["time, s", "cart_error", "arm_error"]
        assert [values[-1] for values in chart.data[1:]] == [0.1, 0.2]


def test_input_is_told_once_and_the_env_always() -> None:
    with opened() as viewer:
        viewer.env = 2
        viewer._input.restart, viewer._input.push = True, ("ball", 0.0, 0.0, 5.0)
        first, second = viewer.poll_input(), viewer.poll_input()
    assert (first.env, first.restart, first.push) == (2, True, ("ball", 0.0, 0.0, 5.0))
    assert (second.env, second.restart, second.push, second.checkpoint) == (2, False, None, None)


def test_offering_checkpoints_is_not_choosing_one() -> None:
    with opened() as viewer:
        viewer.offer_checkpoints(["best", "last"], "best")
        viewer.offer_checkpoints(["best", "last", "200"], "200")
        assert viewer.poll_input().checkpoint is None
        assert viewer._checkpoints is not None
        assert viewer._checkpoints.value == "200"
        assert tuple(viewer._checkpoints.options) == ("best", "last", "200")


def test_pushes_have_the_strength_and_direction_asked_for() -> None:
    assert make_push("ball", 15.0, "-y") == ("ball", 0.0, -15.0, 0.0)
    body, *force = make_push("ball", 15.0, "random")
    assert body == "ball"
    assert np.linalg.norm(force) == pytest.approx(15.0)
    assert force[2] >= 0


def test_curves_keep_a_window_of_the_terms_they_are_given() -> None:
    class Plot:
        def draw(self, names, times, values, span) -> None:
            self.names, self.times, self.values, self.span = names, times, values, span

    history = History(window=0.1)
    plot: Any = Plot()
    for step in range(20):
        history.add({"a": float(step), "b": -1.0}, 0.02)
    history.draw(plot)
    assert plot.names == ("a", "b")
    assert [len(values) for values in plot.values] == [len(plot.times)] * 2
    assert [values[-1] for values in plot.values] == [19.0, -1.0]
    assert plot.times[-1] == pytest.approx(0.4)
    assert 0.08 <= plot.times[-1] - plot.times[0] <= 0.101
    history.add({"c": 1.0}, 0.02)
    history.draw(plot)
    assert [values.tolist() for values in plot.values] == [[1.0]]


def test_a_player_goes_over_to_an_episode_of_another_model(tmp_path, monkeypatch) -> None:
    save(tmp_path / "a.npz", make_recording())
    other = np.frombuffer(MJCF.replace('name="arm"', 'name="pole"').encode(), np.uint8)
    arm = make_recording()
    save(tmp_path / "b.npz", Recording(arm.header, {**arm.arrays, "mjcf": other}))
    playback = Playback(Episodes([tmp_path / "a.npz", tmp_path / "b.npz"]))
    player = WebPlayer(playback, title="test", host="127.0.0.1", port=0)
    stage, seen = player._stage, []

    def show(frame, period, tell_more) -> None:
        tell_more()
        seen.append((playback.name, "pole" in stage.scene.scene.bodies, player._slider.value))
        if len(seen) == 3:
            playback.choose("a.npz")
        if len(seen) == 6:
            stage.close()

    monkeypatch.setattr(stage, "show", show)
    player.run()
    assert seen[:3] == [("b.npz", True, 0), ("b.npz", True, 1), ("b.npz", True, 2)]
    assert seen[3:5] == [("a.npz", False, 0), ("a.npz", False, 1)]


def test_a_player_plots_the_metrics_up_to_the_state_shown(tmp_path) -> None:
    recording = with_reference(make_recording())
    recording.arrays["metrics"][:, 0] = np.arange(10)
    save(tmp_path / "a.npz", recording)
    playback = Playback(Episodes([tmp_path / "a.npz"]))
    player = WebPlayer(playback, title="test", host="127.0.0.1", port=0)
    try:
        playback.seek(4)
        playback.advance()
        player._tell()
        chart = player._stage.metrics._chart
        assert chart is not None
        np.testing.assert_allclose(chart.data, [[0.02, 0.04, 0.06, 0.08], [0, 1, 2, 3]])
    finally:
        player.close()


def test_a_player_tells_of_a_motion_what_it_has(tmp_path) -> None:
    """Nothing was simulated for it: it has no return, and did not end by anything."""
    recording = make_recording()
    save(tmp_path / "a.npz", Recording({**recording.header, "return": None, "ended": ""}, recording.arrays))
    player = WebPlayer(Playback(Episodes([tmp_path / "a.npz"])), title="test", host="127.0.0.1", port=0)
    try:
        assert player._about() == f"{recording.length} steps"
    finally:
        player.close()


# --- choosing -------------------------------------------------------------------------------------------


def test_auto_is_the_window_where_there_is_a_display_else_nothing(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert choose_viewer("auto") == "none"
    with pytest.raises(ViewerError, match="viewer=web"):
        choose_viewer("native")
    assert choose_viewer("web") == "web"
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert choose_viewer("auto") == "native"
    with pytest.raises(ViewerError, match="auto, native, web"):
        choose_viewer("browser")


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch) -> None:
    from rlkit.media.viewers import registry

    monkeypatch.setattr(registry, "_installed", lambda module: module != "viser")
    with pytest.raises(ViewerError, match=r"needs viser: pip install -e '.*\[viewer\]'"):
        choose_viewer("web")


def test_latents_are_drawn_held_or_walk() -> None:
    """Where nothing changes nothing is asked; a walk of 1 rad/s comes 0.02 rad on in a control period."""
    with opened() as viewer:
        assert viewer.poll_input().latent is None
        viewer.offer_latents(20)
        assert viewer.poll_input().latent == ()
        assert viewer.poll_input().latent is None
        controls = viewer._latents
        assert controls is not None and len(controls.sliders) == 16
        controls.jump()
        held = viewer.poll_input().latent
        assert held is not None and len(held) == 20 and np.linalg.norm(held) == pytest.approx(1.0)
        assert controls.sliders[3].value == pytest.approx(held[3], abs=0.006)
        assert viewer.poll_input().latent is None
        controls.choose("walk")
        first, second = viewer.poll_input().latent, viewer.poll_input().latent
        assert first is not None and second is not None
        assert np.arccos(np.dot(first, second)) == pytest.approx(viewer._period, rel=1e-3)
        controls.choose("drawn")
        assert viewer.poll_input().latent == ()


def test_targets_are_asked_for_once_they_are_chosen_and_again_of_another_env() -> None:
    choices, bodies = ("drawn", "head_and_hands", "goals"), ("pelvis", "torso_link")
    with opened() as viewer:
        viewer.offer_targets(choices, bodies, "drawn", ("pelvis",))
        assert viewer.poll_input().targets is None
        controls = viewer._targets
        assert controls is not None
        assert [box.value for box in controls.boxes.values()] == [True, False]
        controls.show.value = "head and hands"
        assert viewer.poll_input().targets == ("head_and_hands", ("pelvis",), {})
        assert viewer.poll_input().targets is None
        controls.boxes["torso_link"].value = True
        assert viewer.poll_input().targets == ("head_and_hands", bodies, {})
        viewer.env = 1
        assert viewer.poll_input().targets == ("head_and_hands", bodies, {})
        assert viewer.poll_input().targets is None


def test_goals_are_dragged_from_where_the_bodies_are() -> None:
    """A cross for each body that is ticked; the cart of the model is where it was drawn last."""
    with opened() as viewer:
        viewer.show(FRAME)
        viewer.offer_targets(("drawn", "goals"), ("cart", "arm"), "drawn", ("cart",))
        controls = viewer._targets
        assert controls is not None and not controls.crosses
        controls.show.value = "goals"
        assert list(controls.crosses) == ["cart"]
        asked = viewer.poll_input().targets
        assert asked is not None and asked[:2] == ("goals", ("cart",))
        assert asked[2]["cart"] == pytest.approx((0.3, 0.0, 0.2))
        controls.crosses["cart"].position = (1.0, 2.0, 3.0)
        controls.moved()
        assert viewer.poll_input().targets == ("goals", ("cart",), {"cart": (1.0, 2.0, 3.0)})
        controls.boxes["cart"].value = False
        assert viewer.poll_input().targets == ("goals", (), {})
