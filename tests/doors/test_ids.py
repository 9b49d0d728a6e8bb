"""Tasks as Gymnasium ids."""

from __future__ import annotations

import gymnasium
import pytest

from rlkit.doors.ids import IDS


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*observation space m.*imum value is -?infinity")
def test_a_task_is_made_by_its_id() -> None:
    assert {"rlkit/Reach-v0", "rlkit/BoxGrasping-v0"} <= set(IDS) and "rlkit/Gym-v0" not in IDS
    env = gymnasium.make("rlkit.doors.ids:rlkit/Reach-v0", seed=1, device="cpu")
    first = env.reset(seed=3)[0]
    assert (env.reset(seed=3)[0] == first).all() and env.step(env.action_space.sample())[
        0
    ].shape == first.shape
    env.close()
    envs = gymnasium.make_vec("rlkit/Reach-v0", num_envs=3, device="cpu", overrides={"task.episodeLength": 5})
    assert envs.reset(seed=1)[0].shape == (3, *first.shape)
    envs.close()
