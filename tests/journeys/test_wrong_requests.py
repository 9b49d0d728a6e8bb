"""Wrong requests cost little, leave nothing behind and say what would be right."""

from __future__ import annotations

import resource

import pytest
from needs import assert_cheap

pytestmark = pytest.mark.journey

WRONG = {
    "task=BoxGraping": "BoxGrasping",
    "numEnv=8": "numEnvs",
    "numEnvs=many": "numEnvs",
    "train.horizon_lenght=8": "horizon_length",
    "train=BaseTaskPPo": "BaseTaskPPO",
    "test=true": "checkpoint=latest",
    "test=true checkpoint=latest": "train",
    "checkpoint=no_such_run": "no_such_run",
    "task.rewardWeights.aliv=1.0": "alive",
    "sim.dt=0.003": "nearest",
    "train.minibatch_size=100 numEnvs=8": "minibatch_size",
    "device=cuda:7": "device",
    "config=train_headles": "train_headless",
    "logging.logLevel=loud": "debug",
    "task=Gym env.id=HalfCheeta-v5": "Did you mean HalfCheetah-v5",
    "task=Gym env.id=CartPole-v1": "env.id=Pendulum-v1",
    "task=Gym env.id=nowhere:Kite-v0": "pip install nowhere",
    "task=Gym env.id=Pendulum-v1 env.kwargs.gravty=3": "gravty",
    "task=Gym env.ids=[Pendulum-v1,HalfCheetah-v5]": "train them in runs of their own",
}


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_request(line, project):
    before = cpu_seconds()
    done = project.train(*line.split())
    spent = cpu_seconds() - before
    assert done.returncode == 2, done.stdout + done.stderr
    assert WRONG[line] in done.stderr
    assert done.stdout in ("", "making one environment, to look at it ...\n")  # which may take a while
    assert "Traceback" not in done.stderr
    assert not (project.path / "runs_all").exists()
    assert not (project.path / "runs").exists()
    # torch alone takes twice 0.9; an environment that must be made first brings its own imports
    assert_cheap(spent, 2.0 if "task=Gym" in line else 0.9)


def test_several_mistakes_are_told_in_one_message(project):
    done = project.train("numEnv=8", "task=BoxGraping", "train.gama=0.9")
    assert done.returncode == 2
    assert "3 mistakes" in done.stderr
    for right in ("numEnvs", "BoxGrasping", "gamma"):
        assert right in done.stderr
