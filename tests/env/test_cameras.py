"""Pictures of cameras as a policy sees them: of the right state, of the right env, where they must be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from needs import require_gl
from states import assert_same

from rlkit.env.api import EnvError
from rlkit.env.cameras.env import CameraEnv
from rlkit.env.cameras.settings import Camera, cameras_of
from rlkit.env.history import HistoryEnv
from rlkit.env.images import Image
from rlkit.env.task_env import TaskEnv
from rlkit.media.cameras.painter import CameraPainter
from rlkit.media.cameras.scene import camera_model
from rlkit.media.gl import RenderError
from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec
from rlkit.sims.mujoco.simulator import MujocoSimulator
from rlkit.tasks.api import Task, observation

SIDE = 16
PIXEL = 0.125  # m: 2 m below the camera 2 m are seen
ABOVE = {"size": [SIDE, SIDE], "position": [0, 0, 2], "lookat": [0, 0, 0], "fovy": 2 * 26.565051177077990}
START, LENGTH = -4, 3  # pixels, control steps

MJCF = """
<mujoco>
  <worldbody>
    <camera name="above" pos="0 0 2" xyaxes="0 -1 0 1 0 0" fovy="53.13010235415598"/>
    <body name="square" pos="0 0 -0.25">
      <joint name="x" type="slide" axis="1 0 0"/>
      <joint name="y" type="slide" axis="0 1 0"/>
      <geom type="box" size="0.25 0.25 0.25" rgba="COLOUR 1"/>
    </body>
  </worldbody>
  <actuator><motor name="x" joint="x" ctrllimited="true" ctrlrange="-1 1"/></actuator>
</mujoco>
"""


def model(colour: str = "1 0 0") -> str:
    return MJCF.replace("COLOUR", colour)


class Marker(Task):
    """The square goes ahead (+x, up in the picture) at a pixel a step; each episode it is somewhere else across."""

    action_names = ("push",)

    @classmethod
    def scene(cls, config: Any) -> SceneSpec:
        return SceneSpec(model(), joints=("x", "y"), actuators=("x",))

    def __init__(self, config: Any, sim: Any, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self.episode = torch.zeros(self.num_envs, dtype=torch.int64)

    def controls(self, actions: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(actions)

    def refresh(self) -> None:
        """Nothing is shared."""

    @observation(1)
    def across(self) -> torch.Tensor:
        """How far to the left it is, m."""
        return self.sim.joint_pos[:, 1:]

    def left(self, env: int) -> int:
        """The same in pixels, in the running episode of an env."""
        return 2 * int((self.episode[env] + env) % 3) - 2

    def reset(self, env_ids: torch.Tensor) -> ResetState:
        self.episode[env_ids] += 1
        pos = torch.tensor([[START * PIXEL, self.left(env) * PIXEL] for env in env_ids.tolist()])
        vel = torch.tensor([PIXEL / self.control_period, 0.0]).expand(len(env_ids), 2)
        return ResetState(pos, vel, torch.zeros(len(env_ids), 0, 7), torch.zeros(len(env_ids), 0, 6))

    @observation(2)
    def position(self) -> torch.Tensor:
        """Where it is, m."""
        return self.sim.joint_pos


def config(**more: Any) -> dict[str, Any]:
    return {
        "name": "Marker",
        "controlPeriod": 0.02,
        "episodeLength": LENGTH,
        "observations": ["position"],
        "rewardWeights": {},
        "termination": {"success": {}, "failure": {}},
        "terminationRewards": {"success": 0.0, "failure": 0.0, "timeout": 0.0},
        **more,
    }


def make(cameras: dict[str, Any], num_envs: int = 2, threads: int = 2, **more: Any) -> CameraEnv:
    settings = config(cameras=cameras, **more)
    sim = MujocoSimulator(
        Marker.scene(settings), PhysicsSettings(dt=0.02, substeps=1, num_threads=1), num_envs
    )
    env = TaskEnv(sim, Marker(settings, sim, torch.Generator()))
    found = cameras_of(settings)
    return CameraEnv(env, found, CameraPainter((sim.spec.mjcf,), found, num_envs, threads))


def red(picture: np.ndarray) -> np.ndarray:
    """Where a picture `[SIDE, SIDE, 3]` is red."""
    r, g, b = np.moveaxis(picture.astype(int), -1, 0)
    return (r > 20) & (r > 2 * g) & (r > 2 * b)


def square(ahead: int, left: int) -> np.ndarray:
    """Where it must be: 4 x 4 pixels, so many ahead (up) and to the left of the middle; `[SIDE, SIDE]` bool."""
    mask = np.zeros((SIDE, SIDE), bool)
    row, column = SIDE // 2 - ahead, SIDE // 2 - left
    mask[row - 2 : row + 2, column - 2 : column + 2] = True
    return mask


def pictures(env: CameraEnv, rows: torch.Tensor) -> list[np.ndarray]:
    """The first camera's picture in each row `[N, bytes]`."""
    image = next(iter(env.spec.images.values()))
    start = env.spec.vector_bytes
    return [row[start : start + image.size].numpy().reshape(image.shape) for row in rows]


STILL = torch.zeros(2, 1)


@pytest.fixture(autouse=True, scope="module")
def gl() -> None:
    require_gl()


def assert_shows(env: CameraEnv, rows: torch.Tensor, ahead: int, left: list[int]) -> None:
    for picture, across in zip(pictures(env, rows), left):
        assert np.array_equal(red(picture), square(ahead, across))


def lefts(env: CameraEnv) -> list[int]:
    task: Any = env.env.task
    return [task.left(index) for index in range(env.spec.num_envs)]


TURNED = {"size": [SIDE, SIDE], "position": [0, 0, 2], "orientation": [1, 0, 0, -1], "fovy": ABOVE["fovy"]}


@pytest.mark.parametrize("camera", [ABOVE, TURNED, {"size": [SIDE, SIDE], "camera": "above"}])
def test_a_picture_is_of_the_state_that_a_step_led_to_and_the_first_of_the_new_episode(camera: Any) -> None:
    env = make({"eye": camera})
    spec = env.spec
    assert spec.images == {"eye": Image(SIDE, SIDE, 3)} and spec.vector_bytes == 8
    assert spec.number_terms == (("position", 2), ("eye", SIDE * SIDE * 3))
    obs = env.reset()
    assert obs["policy"] is obs["critic"] and obs["policy"].dtype == torch.uint8
    for _ in range(2):
        left = lefts(env)
        assert_shows(env, obs["policy"], START, left)
        for step in range(1, LENGTH + 1):
            taken = env.step(STILL)
            obs, final = taken.obs, taken.info.final_obs["policy"]
            assert_shows(env, final, START + step, left)
            numbers = spec.numbers(final)[:, :2]
            assert torch.allclose(numbers[:, 0], torch.full((2,), (START + step) * PIXEL), atol=1e-5)
            assert taken.truncated.all() == (step == LENGTH) and torch.equal(
                env.observe()["policy"], obs["policy"]
            )
            assert torch.equal(obs["policy"], final) != (step == LENGTH)
        assert lefts(env) != left
    env.close()


def test_between_its_pictures_a_camera_shows_the_latest_and_a_new_episode_has_its_own() -> None:
    env = make({"eye": {**ABOVE, "every": 2}})
    env.reset()
    left = lefts(env)
    steps = [env.step(STILL) for _ in range(LENGTH)]
    for taken, seen in zip(steps, (0, 2, 2)):
        assert_shows(env, taken.info.final_obs["policy"], START + seen, left)
    assert_shows(env, steps[-1].obs["policy"], START, lefts(env))
    assert_shows(env, env.step(STILL).obs["policy"], START, lefts(env))
    env.close()


def test_pictures_depend_neither_on_the_number_of_envs_nor_on_that_of_threads() -> None:
    rows = []
    for num_envs, threads in ((1, 1), (5, 1), (5, 3)):
        env = make({"eye": ABOVE}, num_envs, threads)
        env.reset()
        rows.append(env.step(torch.zeros(num_envs, 1)).obs["policy"])
        env.close()
    assert torch.equal(rows[0], rows[1][:1]) and torch.equal(rows[1], rows[2])


def test_grey_is_the_luma_and_depth_the_distance_along_the_axis() -> None:
    """The square's face is 2 m away, half of `far`: 127.5; behind it is nothing."""
    env = make(
        {
            "eye": ABOVE,
            "grey": {**ABOVE, "channels": "grey"},
            "depth": {**ABOVE, "channels": "depth", "far": 4},
            "small": {**ABOVE, "size": [SIDE // 2, SIDE // 2]},
        }
    )
    rows = env.reset()["policy"][0].numpy()
    rgb, grey, depth, small = np.split(rows[8:], SIDE * SIDE * np.array([3, 4, 5]))
    assert np.array_equal(grey, np.rint(rgb.reshape(-1, 3) @ np.array([0.299, 0.587, 0.114], np.float32)))
    mask = square(START, lefts(env)[0]).reshape(-1)
    assert set(depth[mask].tolist()) <= {127, 128} and (depth[~mask] == 255).all()
    halved = square(START, lefts(env)[0])[::2, ::2]
    assert np.array_equal(red(small.reshape(SIDE // 2, SIDE // 2, 3)), halved)
    env.close()


def test_an_env_has_the_picture_of_its_own_model_and_one_that_exploded_is_black() -> None:
    camera = Camera("eye", (SIDE, SIDE), camera="above")
    painter = CameraPainter((model(), model("0 0 1")), [camera], 3, threads=1)
    painter.paint([2, 0, 1], np.array([[0, 0], [0, 0], [np.nan, 0]]), [0, 1, 0], np.ones((3, 1), bool))
    painter.wait()
    blue, black, seen = painter.pictures.reshape(3, SIDE, SIDE, 3)
    assert np.array_equal(red(seen), square(0, 0)) and np.array_equal(red(blue[..., ::-1]), square(0, 0))
    assert not black.any()
    painter.close()


def test_it_continues_with_the_pictures_that_it_had() -> None:
    env = make({"eye": {**ABOVE, "every": 2}})
    env.reset()
    env.step(STILL)
    state = env.state()
    ahead = [env.step(STILL) for _ in range(3)]
    other = make({"eye": {**ABOVE, "every": 2}})
    other.load_state(state)
    task: Any = other.env.task
    task.episode.fill_(1)
    for step in ahead:
        again = other.step(STILL)
        assert_same(again.obs, step.obs)
        assert_same(again.info.final_obs, step.info.final_obs)
    del state["cameras"]  # of a run that had none: those of now
    other.load_state(state)
    assert_shows(other, other.observe()["policy"], START + 1, [0, 2])
    state["cameras"] = {"pictures": torch.zeros(2, 3), "age": torch.zeros(2)}
    with pytest.raises(EnvError, match=r"the saved pictures have shape \(2, 3\), this env's \(2, 768\)"):
        other.load_state(state)
    env.close()
    other.close()


def test_history_stacks_pictures() -> None:
    env = HistoryEnv(make({"eye": ABOVE}), 2, ["eye"])
    env.reset()
    rows = env.step(STILL).obs["policy"]
    before, now = rows[0, 8:].numpy().reshape(2, SIDE, SIDE, 3)
    assert np.array_equal(red(before), square(START, 0)) and np.array_equal(red(now), square(START + 1, 0))
    env.close()


def test_a_critic_of_its_own_sees_numbers_alone() -> None:
    env = make({"eye": ABOVE}, groups={"critic": ["across", "position"]})
    spec, obs = env.spec, env.reset()
    assert spec.asymmetric and spec.obs_sizes["critic"] == 3 and not spec.of_bytes("critic")
    assert (
        obs["critic"].tolist() == [[0.0, -0.5, 0.0], [0.25, -0.5, 0.25]]
        and obs["policy"].dtype == torch.uint8
    )
    assert env.step(STILL).info.final_obs["critic"].dtype == torch.float32
    env.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"camera": "abov"},
            r"task\.cameras\.eye\.camera=abov: the model has no such camera; did you mean above\?",
        ),
        ({"body": "squar", "lookat": (1, 0, 0)}, r"task\.cameras\.eye\.body=squar: .* did you mean square\?"),
    ],
)
def test_what_the_scene_lacks_is_said_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RenderError, match=message):
        camera_model(model(), [Camera("eye", **settings)])
