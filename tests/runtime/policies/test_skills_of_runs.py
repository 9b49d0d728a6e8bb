"""`task.skills`: the policy of a run with skills drives another task's robot, and what does not fit is refused."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from states import assert_same

import rlkit
from rlkit.config import ConfigError, Experiment, compose, from_file
from rlkit.config.compose import compose_words
from rlkit.env.task_env import TaskEnv
from rlkit.runtime import launch
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.checkpoints.head import CheckpointError
from rlkit.runtime.policies.skill_env import SkillEnv
from rlkit.runtime.policies.skills import keep_skills, load_skills, require_skills
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.request import read_request
from rlkit.tasks.motion.high_level_steering import HighLevelSteering
from rlkit.workspace import ResolveError, read_record

pytestmark = pytest.mark.slow
SMALL = {
    "train": "ASE",
    "train.units": [8],
    "train.horizon_length": 8,
    "train.mini_epochs": 1,
    "train.disc_units": [8],
    "train.disc_batch_size": 8,
    "train.replay_size": 64,
    "task.latent.size": 5,
    "training.evalInterval": 0,
    "training.threads": 1,
}


@pytest.fixture(scope="module")
def skills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a policy with skills, after an iteration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("skills"))
        run = rlkit.train(
            "Style", num_envs=4, max_iter=1, device="cpu", sim="mujoco", quiet=True, overrides=SMALL
        )
    return Path(run.path)


def steering(skills: object, *words: str) -> Experiment:
    given = ["task=HighLevelSteering", f"task.skills={skills}", "sim=mujoco", "device=cpu", "numEnvs=4"]
    return compose([*given, "train.horizon_length=4", "train.units=[8]", "train.mini_epochs=1", *words])


def test_the_frozen_policy_drives_the_joints_as_in_its_own_task(skills: Path) -> None:
    experiment = steering(skills, "task.skillSteps=1")
    require_skills(experiment)
    policy = rlkit.load_policy(skills)
    with closing(build_env(experiment, Ranks())) as env:
        assert isinstance(env, SkillEnv) and isinstance(env.env, TaskEnv)
        task = env.env.task
        assert isinstance(task, HighLevelSteering)
        centres = [joint["centre"] for joint in policy.control["joints"]]
        torch.testing.assert_close(task.centre, torch.tensor(centres))
        assert (env.spec.num_actions, env.spec.control_period) == (5, 0.02)
        obs = env.reset()
        latents = torch.nn.functional.normalize(torch.randn(4, 5), dim=1)
        assert [part.name for part in policy.observations][-1] == "latent"
        wanted = policy(torch.cat((obs["skill"], latents), dim=1))
        env.step(latents)
        torch.testing.assert_close(task.last_actions, wanted)


def test_1_and_1_iterations_are_2(skills: Path) -> None:
    experiment = steering(skills)

    def made():
        torch.manual_seed(0)
        env = build_env(experiment, Ranks(), learning=True)
        return env, build_learner(experiment, env)

    env, straight = made()
    with closing(env):
        assert env.spec.control_period == pytest.approx(0.1)
        env.reset()
        straight.iterate(env)
        saved, of_env, rng = straight.state(), env.state(), torch.get_rng_state()
        metrics = straight.iterate(env).metrics
    other, resumed = made()
    with closing(other):
        resumed.load(saved)
        other.load_state(of_env)
        torch.set_rng_state(rng)
        assert resumed.iterate(other).metrics == metrics
    assert_same(resumed.state(), straight.state())


def test_a_run_remembers_whose_skills_it_goes_by(
    skills: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(launch._claim(steering(skills), None, ["train.py"], None)) as run:
        assert read_record(run.path).skills == skills.name
    test = steering(skills, "test=true", f"checkpoint={skills}")
    with closing(launch._claim(test, None, ["train.py"], None)) as run:
        assert read_record(run.path).skills is None  # prune spares the run that it tests


def test_a_run_is_whole_by_itself_wherever_it_goes(
    skills: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
    named = home / "runs_all" / "able"
    shutil.copytree(skills, named)
    monkeypatch.chdir(home)
    changes = {key: value for key, value in SMALL.items() if key.startswith(("train.units", "training"))}
    changes.update({"task.skills": "able", "train.horizon_length": 4, "train.mini_epochs": 1})
    run = rlkit.train(
        "HighLevelSteering", num_envs=4, max_iter=1, device="cpu", sim="mujoco", quiet=True, overrides=changes
    )
    wanted = load_skills(steering(named), torch.device("cpu"))
    moved = elsewhere / "moved"
    shutil.move(str(run.path), moved)
    shutil.rmtree(home)
    monkeypatch.chdir(elsewhere)

    def asked(*words: str) -> Experiment:
        request, _ = read_request([f"checkpoint={moved}", "device=cpu", *words])
        return compose_words(request)

    for experiment in (asked("test=true"), asked("maxIter=2"), from_file(moved / "config.yaml")):
        require_skills(experiment)
        assert experiment.task["skills"] == "able"
        found = load_skills(experiment, torch.device("cpu"))
        assert (found.name, found.fingerprint) == ("able", wanted.fingerprint)
    with pytest.raises(ResolveError, match=r"^task\.skills=another: no run"):
        require_skills(asked("test=true", "task.skills=another"))
    again = elsewhere / "again"
    keep_skills(asked("maxIter=2"), again)  # what goes on from it, in a folder of its own
    assert load_skills(replace(steering("gone"), kept_in=again), torch.device("cpu")).name == "able"
    size = sum(file.stat().st_size for file in again.rglob("*.pth"))
    assert size < (skills / "nn" / "checkpoint_last.pth").stat().st_size  # without what learning goes on from


def test_what_does_not_fit_is_refused_before_anything_starts(
    skills: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*words: str, named: object = skills) -> str:
        with pytest.raises(ConfigError) as caught:
            require_skills(steering(named, *words))
        return caught.value.report()

    assert "; rlkit train task=Style train=ASE trains one" in told(named="null")
    assert "task.skills=latest: is another run tomorrow" in told(named="latest")
    assert "drives the robot h1, and task.robot=g1; write task.robot=h1" in told("task.robot=g1")
    period = told("task.controlPeriod=0.04", "task.style.moments=[0.0,0.04,0.08]")
    assert "acts every 0.02 s, and task.controlPeriod=0.04; write task.controlPeriod=0.02" in period
    seen = told("task.groups.skill=[pelvis_height,joint_vel]")
    assert "write task.groups.skill=[pelvis_height,pelvis_gravity,pelvis_lin_vel," in seen
    assert "task.skillSteps=0: is at least 1" in told("task.skillSteps=0")
    monkeypatch.chdir(skills.parents[1])
    with pytest.raises(
        ResolveError, match=rf"^task.skills=nobody: no run[\s\S]*  task.skills={skills.name}$"
    ):
        require_skills(steering("nobody"))
    torn = skills.with_name("torn")
    shutil.copytree(skills, torn)
    last = torn / "nn" / "checkpoint_last.pth"
    last.write_bytes(last.read_bytes()[:20000])
    with pytest.raises(CheckpointError, match=rf"^task.skills={torn}: {last} cannot be read"):
        require_skills(steering(torn))
    copy = skills.with_name("remembering")
    shutil.copytree(skills, copy)
    config = copy / "config.yaml"
    config.write_text(config.read_text().replace("memory: none", "memory: gru"))
    assert "remembers its episode (train.memory), which drives no skills" in told(named=copy)
