"""`rlkit try` is refused like a training, and asks for few envs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlkit.config import ConfigError
from rlkit.tryout.request import read_request


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("task=BoxGraspin", "did you mean task=BoxGrasping"),
        ("numEnv=4", "numEnv"),
        ("agent=", "write agent=random"),
        (
            "agent=zero task=Reach agent=random",
            "agent=zero agent=random: one of them acts; write agent=zero alone",
        ),
        ("checkpoint=latest", "a policy is tested with"),
        ("training.test=true", "nothing is trained here"),
        ("env.recordVideo=true", "--video FILE.mp4"),
        ("task=Gym env.id=Pendulum-v1 agent=stance", "shows no poses to hold"),
    ],
)
def test_what_cannot_be_meant_is_refused(words, message):
    with pytest.raises(ConfigError, match=message):
        read_request(words.split())


def test_a_class_is_written_behind_a_colon():
    for word in ("task=my_project.my_task.MyTask", "task=my_project/my_task.py:MyTask"):
        with pytest.raises(ConfigError, match=r"behind a colon: write task=my_project.my_task:MyTask"):
            read_request([word])


def test_a_video_has_a_place_to_go_to(tmp_path):
    for video in (Path("a.gif"), tmp_path / "nowhere" / "a.mp4"):
        with pytest.raises(ConfigError, match="--video"):
            read_request([], video=video)


def test_envs_are_few_unless_it_is_said_how_many(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request = read_request(["task=Reach", "agent=start"], episodes=3)
    assert (request.agent, request.experiment.env.num_envs, request.episodes) == ("start", 16, 3)
    assert not request.experiment.env.render and request.experiment.kind == "test"
    # 5 envs are no batch that a training could divide: no learner is built, and none is asked for.
    assert read_request(["task=Reach", "numEnvs=5"]).experiment.env.num_envs == 5
    assert read_request(["task=Reach"]).agent == "random"
    assert not list(tmp_path.iterdir())
