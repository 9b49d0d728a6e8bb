"""From a command line to jobs: each is checked for the node that it gets, before any is submitted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rlkit.app import main as train
from rlkit.cli import main
from rlkit.clusters.request import own_request, read_jobs
from rlkit.config import ConfigError
from rlkit.learners.facts import LEARNERS


def jobs(*words):
    return read_jobs(own_request(["task=ReachOrigin", *words]))


def refusal(*words):
    with pytest.raises(ConfigError) as refused:
        jobs(*words)
    return "\n".join(refused.value.messages)


def test_a_sweep_becomes_the_words_of_its_jobs():
    found = jobs("-m", "seed=range(1,3)", "numEnvs=8,16", "task.rewardWeights.hand_distance=2.0")
    weight = "task.rewardWeights.hand_distance=2.0"
    assert found.name == "ReachOrigin"
    assert found.jobs == tuple(
        ("task=ReachOrigin", f"training.seed={seed}", f"env.numEnvs={envs}", weight, "training.resume=auto")
        for seed in (1, 2)
        for envs in (8, 16)
    )


def test_without_a_sweep_it_is_one_job_and_what_was_typed_of_resume_stays():
    (words,) = jobs("training.resume=new", "logging.experimentName='a b'").jobs
    assert words[1:] == ("training.resume=new", "logging.experimentName='a b'")


def test_files_that_were_typed_go_along(tmp_path):
    (tmp_path / "task").mkdir()
    (words,) = jobs(f"--config-dir={tmp_path}", "config=debug").jobs
    assert words[:2] == (f"--config-dir={tmp_path.resolve()}", "--config-name=debug")


def test_presets_build_on_one_another():
    assert jobs().settings.gpus_per_node == 1
    assert jobs("hydra/launcher=slurm_cpu").settings.gpus_per_node == 0
    assert jobs("hydra/launcher=slurm_gpus").settings.ranks == 4
    nodes = jobs(
        "hydra/launcher=slurm_nodes", "hydra.launcher.time=4:00:00", "hydra.launcher.setup=[module load cuda]"
    )
    assert (nodes.settings.ranks, nodes.settings.time) == (8, "4:00:00")
    assert nodes.settings.setup == ("module load cuda",)


def test_a_project_has_presets_of_its_own_that_build_on_ours(tmp_path):
    folder = tmp_path / "conf" / "hydra" / "launcher"
    folder.mkdir(parents=True)
    (folder / "ours.yaml").write_text('defaults: [slurm_nodes, _self_]\npartition: gpu\ntime: "4:00:00"\n')
    (folder / "slurm.yaml").write_text("defaults: [slurm, _self_]\naccount: robots\n")
    (tmp_path / "conf" / "night.yaml").write_text("defaults: [config, override hydra/launcher: ours]\n")
    ours = jobs("hydra/launcher=ours").settings
    assert (ours.partition, ours.time, ours.account, ours.nodes) == ("gpu", "4:00:00", "robots", 2)
    night = jobs("config=night")
    assert night.settings == ours
    assert night.jobs == (("--config-name=night", "task=ReachOrigin", "training.resume=auto"),)


def test_jobs_are_checked_for_their_node_and_not_for_this_machine():
    assert jobs("device=cuda:0").jobs
    assert "device=cuda" in refusal("device=cuda:0", "hydra/launcher=slurm_cpu")
    assert "device=cuda:1" in refusal("device=cuda:1")


def test_every_mistake_of_every_job_is_said():
    message = refusal("-m", "train.minibatch_size=7,64", "numEnvs=4", "seed=1,2")
    for number, seed in ((0, 1), (1, 2)):
        assert (
            f"job {number} (task=ReachOrigin train.minibatch_size=7 env.numEnvs=4 training.seed={seed})"
            in message
        )
    assert "train.minibatch_size=64" not in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hydra.launcher.tim=4"], "hydra.launcher.tim: there is no such setting; did you mean time?"),
        (["hydra.launcher.nodes=0"], "hydra.launcher.nodes: needs int >= 1, got 0"),
        (
            ["hydra/launcher=basic"],
            "hydra/launcher=basic: is not for SLURM; there are slurm, slurm_cpu, slurm_gpus",
        ),
        (
            ["-m", "seed=1,2", "hydra/sweeper=optuna"],
            "hydra/sweeper=optuna: chooses jobs by the results of others",
        ),
    ],
)
def test_what_cannot_be_submitted_is_said(words, message):
    assert message in refusal(*words)


def test_several_ranks_are_refused_where_the_learner_has_one(monkeypatch):
    alone = replace(LEARNERS["fast_td3"], several_ranks=False)
    monkeypatch.setitem(LEARNERS, "fast_td3", alone)
    assert "trains in one process" in refusal(
        "test=false", "train=BaseTaskFastTD3", "hydra/launcher=slurm_gpus"
    )


def test_the_script_is_printed_and_nothing_else_is(tmp_path, capsys):
    assert main(["slurm", "task=ReachOrigin", "-m", "seed=1,2"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("#!/bin/bash\n#SBATCH --job-name=ReachOrigin\n")
    assert "1) set -- task=ReachOrigin training.seed=2 training.resume=auto ;;\n" in printed
    assert (tmp_path / "runs_all" / "slurm_jobs").is_dir(), "without the folder of its log no job starts"
    assert main(["slurm", "task=ReachOrigin", "numEnv=3"]) == 2
    assert "did you mean env.numEnvs=3" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["-m", "seed=1,2"], [], ["--config-dir=."]])
def test_without_sbatch_it_is_refused_with_the_way_out(tmp_path, monkeypatch, capsys, more):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert train(["hydra/launcher=slurm", "task=ReachOrigin", *more]) == 2
    assert "there is no sbatch here" in capsys.readouterr().err
    assert not (tmp_path / "runs_all").exists()


@pytest.mark.parametrize(
    ("launcher", "message"),
    [
        ("ray", "there is no hydra-ray-launcher here: pip install"),
        ("submitit_slurm", "hydra/launcher=slurm needs"),
    ],
)
def test_a_launcher_that_is_not_installed_is_refused_with_the_command(launcher, message, capsys):
    assert train(["-m", f"hydra/launcher={launcher}", "task=ReachOrigin", "seed=1,2"]) == 2
    assert message in capsys.readouterr().err
