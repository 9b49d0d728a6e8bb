from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from needs import assert_cheap

from rlkit import app
from rlkit.config.compose import compose
from rlkit.config.files import task_source
from rlkit.config.words import completion
from rlkit.runtime import preboot
from rlkit.workspace.sweeps import JOB_VARIABLE, read_sweep

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "numpy", "mujoco", "tensorboard", "rl_games"}


def run(*words: str, cwd: Path, code: str = ""):
    """`python train.py <words>` in a folder of its own; the imported modules are the last line of stdout."""
    probe = "import atexit, sys; atexit.register(lambda: print(*sys.modules))\n"
    script = f"{probe}{code}\nsys.path.insert(0, {str(ROOT)!r}); sys.argv[0] = 'train.py'\n"
    script += "from rlkit.app import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def modules(done) -> set[str]:
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


PREFLIGHT = ["env.numEnv=3", "numEnvs=abc task=BoxGraspin logLevel=warn --num_envs 3 config=nope"]
AFTER_HYDRA = [
    "train.minibatch_size=1000 sim.dt=0.015 device=cuda:99",
    "task.observations=[hand_poze] test=true",
]


@pytest.mark.parametrize("line", PREFLIGHT)
def test_a_misspelt_request_ends_before_hydra_is_imported(line, tmp_path):
    done = run(*line.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not modules(done) & (HEAVY | {"hydra", "omegaconf", "antlr4", "rich"})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("line", AFTER_HYDRA)
def test_a_combination_that_cannot_run_ends_before_torch_is_imported(line, tmp_path):
    done = run(*line.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert not modules(done) & HEAVY
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_package_alone_says_what_it_needs_and_reads_runs(tmp_path):
    """Installed without conf/: a run's own config.yaml holds all that is to be known of it."""
    shutil.copytree(ROOT / "rlkit", tmp_path / "rlkit", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "config.yaml").write_text(compose(["task=BoxGrasping", "device=cpu"]).to_yaml())
    here = tmp_path / "here"
    here.mkdir()

    def alone(code: str, *words: str):
        command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}", *words]
        return subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=60, check=False)

    train = "from rlkit.app import main; sys.exit(main())"
    for words in (["task=BaseTask"], ["--help"]):
        done = alone(train, *words)
        assert (done.returncode, done.stdout) == (2, ""), done.stdout
        assert done.stderr.startswith("error: ") and "write --config-path=" in done.stderr
        assert not list(here.iterdir())
    folder = f"--config-path={ROOT / 'conf'}"
    shown = alone(train, folder, "task=Reach", "--cfg=job")
    assert "name: Reach" in shown.stdout, shown.stderr
    assert "holds no root configuration" in alone(train, f"--config-path={here}").stderr
    read = alone(
        "from rlkit.config import from_file; from pathlib import Path; print(from_file(Path(sys.argv[1])).task_name)",
        *["../config.yaml"],
    )
    assert read.stdout == "BoxGrasping\n", read.stderr
    assert alone("from rlkit.cli import main; sys.exit(main())", "runs").returncode == 0


def test_wrong_input_costs_little():
    """CPU time in this process: wall time depends on what else the machine does."""
    from rlkit.config import ConfigError
    from rlkit.config.words.preflight import read_words

    start = time.process_time()
    with pytest.raises(ConfigError):
        read_words(["env.numEnv=3"])
    assert_cheap(time.process_time() - start, 0.15)


def test_a_run_prints_its_summary_and_starts(started, tmp_path, capsys):
    assert app.main(["task=BoxGrasping", "numEnvs=8", "device=cpu", "render=true"]) == 0
    assert started == [compose(["task=BoxGrasping", "numEnvs=8", "device=cpu", "render=true"])]
    out = capsys.readouterr().out
    assert "BoxGrasping: train" in out
    assert "env.numEnvs: 8 (default: " in out
    assert "simulator: mujoco (" in out
    assert "auto" not in out.split("length:")[1]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_folder_of_own_configurations(started, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(task_source, "TASKS", tmp_path)
    shutil.copy(ROOT / "rlkit" / "tasks" / "base_task.py", tmp_path)
    shutil.copytree(ROOT / "rlkit" / "tasks" / "robots", tmp_path / "robots")
    mine = tmp_path / "my confs"
    (mine / "task").mkdir(parents=True)
    (mine / "task" / "Mine.yaml").write_text(
        "# @package _global_\ndefaults: [BaseTask, _self_]\ntask: {name: Mine}\n"
    )
    (mine / "own.yaml").write_text("defaults: [config, _self_]\nenv: {numEnvs: 6}\n")
    words = ["-cd", str(mine), "config=own", "task=Mine", "device=cpu"]
    assert app.main(words) == 2
    assert "write `class Mine` in mine.py" in capsys.readouterr().err
    (tmp_path / "mine.py").write_text(
        "from rlkit.tasks.base_task import BaseTask\nclass Mine(BaseTask): ...\n"
    )
    assert app.main(words) == 0
    assert app.main(["-m", *words]) == 0
    assert [(e.task_name, e.env.num_envs) for e in started] == [("Mine", 6)] * 2
    assert app.main(["-cd", "nowhere"]) == 2


def test_a_checkpoint_that_is_not_there_is_a_bad_request(started, tmp_path, capsys):
    assert app.main(["test=true", "checkpoint=runs/nothing", "device=cpu"]) == 2
    assert "nothing" in capsys.readouterr().err
    assert app.main(["-m", "checkpoint=latest", "seed=1,2", "device=cpu"]) == 2
    assert started == []
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_sweep_takes_each_checkpoint_with_the_settings_of_its_own_run(
    started, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(preboot, "_require_source", lambda *_: None)  # empty files stand for the checkpoints
    monkeypatch.setattr(preboot, "read_head", lambda _: SimpleNamespace(code=None))
    for name, task, length in (("a", "Reach", 40), ("b", "BaseTask", 50)):
        folder = tmp_path / "runs_all" / name
        (folder / "nn").mkdir(parents=True)
        for which in ("best", "3"):
            (folder / "nn" / f"checkpoint_{which}.pth").touch()
        made = compose([f"task={task}", f"task.episodeLength={length}", "device=cpu"])
        (folder / "config.yaml").write_text(made.to_yaml())
    words = ["-m", "test=true", "checkpoint=runs_all/a,runs_all/b:3", "numEnvs=2,3", "device=cpu"]
    assert app.main(words) == 0
    assert [
        (e.task_name, e.task["episodeLength"], e.env.num_envs, e.training.checkpoint) for e in started
    ] == [
        ("Reach", 40, 2, "runs_all/a"),
        ("Reach", 40, 3, "runs_all/a"),
        ("BaseTask", 50, 2, "runs_all/b:3"),
        ("BaseTask", 50, 3, "runs_all/b:3"),
    ]
    started.clear()
    assert app.main([*words, "task.goalSpace.low=[0,0]"]) == 2
    assert app.main(["-m", "test=true", "checkpoint=runs_all/a,nowhere", "device=cpu"]) == 2
    assert "checkpoint=nowhere" in capsys.readouterr().err and not started


@pytest.mark.slow
def test_of_several_ranks_one_talks(started, monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    assert app.main(["device=cpu", "--local-rank=1"]) == 0
    assert app.main(["env.numEnv=3"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.slow
def test_a_sweep_starts_every_job_and_keeps_its_books_in_one_folder(started, tmp_path):
    assert app.main(["-m", "task=BaseTask,BoxGrasping", "numEnvs=4,8", "device=cpu"]) == 0
    assert [(e.task_name, e.env.num_envs) for e in started] == [
        ("BaseTask", 4),
        ("BaseTask", 8),
        ("BoxGrasping", 4),
        ("BoxGrasping", 8),
    ]
    assert [e.choices["physics"] for e in started] == ["default", "default", "accurate", "accurate"]
    (folder,) = (tmp_path / "runs_all").iterdir()
    record = read_sweep(folder)
    assert [job.words for job in record.jobs] == [
        (f"task={task}", f"env.numEnvs={envs}", "env.device=cpu")
        for task in ("BaseTask", "BoxGrasping")
        for envs in (4, 8)
    ]
    assert record.common == ("env.device=cpu",)
    assert {job.state for job in record.jobs} == {"done"}


@pytest.mark.slow
def test_a_sweep_stores_no_secret(started, tmp_path, monkeypatch):
    monkeypatch.setenv("WHOSE", "hunter2")
    token = "ghp_" + "a1" * 12
    words = (f"logging.experimentName={token}", "env.camera='${oc.env:WHOSE}'", "seed=1,2", "device=cpu")
    assert app.main(["-m", *words]) == 0
    assert [(e.env.camera, e.logging.experiment_name) for e in started] == [("hunter2", token)] * 2
    (books,) = tmp_path.glob("runs_all/*/sweep.json")
    assert books.stat().st_mode & 0o777 == 0o600
    for text in (books.read_text(), *(e.to_yaml() for e in started)):
        assert token not in text and "hunter2" not in text
        assert "${oc.env:WHOSE}" in text


@pytest.mark.slow
def test_sweep_functions_work(started):
    assert app.main(["-m", "seed=range(1,3)", "numEnvs=choice(4,8)", "task=glob(Base*)", "device=cpu"]) == 0
    assert [(e.training.seed, e.env.num_envs) for e in started] == [(1, 4), (1, 8), (2, 4), (2, 8)]


def test_a_wrong_job_of_a_sweep_function_is_a_bad_request(started, capsys):
    assert app.main(["-m", "sim.dt=choice(0.015,0.01)", "device=cpu"]) == 2
    assert started == []
    assert "error: sweep job 0 (sim.dt=0.015 env.device=cpu): sim.dt=0.015" in capsys.readouterr().err


@pytest.mark.slow
def test_a_job_that_fails_while_running_exits_with_1(started, monkeypatch):
    def fail(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr(sys.modules["rlkit.runtime.launch"], "run_experiment", fail)
    assert app.main(["-m", "seed=1,2", "device=cpu"]) == 1


@pytest.mark.slow
def test_a_launcher_of_others_gets_the_jobs_that_are_left_and_they_know_their_numbers(
    started, tmp_path, monkeypatch
):
    told = []

    def run(experiment, *_):
        told.append((experiment.training.seed, os.environ.get(JOB_VARIABLE)))
        return 0 if experiment.training.seed == 2 or len(told) > 2 else 1

    monkeypatch.setattr(sys.modules["rlkit.runtime.launch"], "run_experiment", run)
    monkeypatch.setenv(JOB_VARIABLE, "")
    launcher = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
    words = ["seed=1,2", "device=cpu", "~hydra.launcher.n_jobs", f"hydra.launcher._target_={launcher}"]
    assert app.main(["-m", *words]) == 1
    (folder,) = tmp_path.glob("runs_all/*_sweep_*")
    assert [job.state for job in read_sweep(folder).jobs] == ["failed", "done"]
    assert app.main(["-m", *words, "sweep=latest"]) == 0
    assert told == [(1, f"{folder.name}/0"), (2, f"{folder.name}/1"), (1, f"{folder.name}/0")]
    assert [job.state for job in read_sweep(folder).jobs] == ["done", "done"]


def test_no_job_of_a_sweep_starts_when_one_is_wrong(started, tmp_path, capsys):
    assert app.main(["-m", "sim.dt=0.01,0.015", "device=cpu"]) == 2
    assert started == []
    assert "sweep job 1 (sim.dt=0.015 env.device=cpu): sim.dt=0.015" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_hydra_options_still_work(started, tmp_path, capsys):
    assert app.main(["--cfg", "job", "-p", "env", "numEnvs=8"]) == 0
    assert "numEnvs: 8" in capsys.readouterr().out
    assert app.main(["hydra.verbose=true", "device=cpu"]) == 0
    assert len(started) == 1
    assert app.main(["hydra.foo=3"]) == 2
    assert not list(tmp_path.iterdir())


def test_help_lists_choices_short_names_and_settings(capsys):
    assert app.main(["--help", "task=BoxGrasping"]) == 0
    out = capsys.readouterr().out
    for text in (
        "BaseTask | BoxGrasping | CubeReorient",
        "maxIter     training.maxIterations",
        "task.box.size",
        "[rad/s]",
    ):
        assert text in out


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("python train.py numE", ["numEnvs="]),
        ("python train.py task=Bo", ["task=BoxGrasping"]),
        ("python train.py task=BoxGrasping task.box.si", ["task.box.size="]),
        ("python train.py task.box.si", []),
        ("python train.py config=t", ["config=test_render", "config=train_headless"]),
        (
            "python train.py logLevel=",
            ["logLevel=debug", "logLevel=error", "logLevel=info", "logLevel=warning"],
        ),
        ("python train.py env.num_envs=", ["env.num_envs=auto"]),
        ("python train.py task=BaseTask physics=f", ["physics=fast"]),
    ],
)
def test_the_shell_completes(line, found):
    assert completion.candidates(line) == found


def test_completion_answers_and_installs_in_the_shell(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COMP_LINE", "python train.py maxI")
    assert app.main(["-sc", "query=bash"]) == 0
    assert capsys.readouterr().out == "maxIter=\n"
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert app.main(["-sc", "install=bash"]) == 0
    assert "hydra_bash_completion" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["physics=fast", "--hydra-help"], "Hydra cannot start this: Could not override 'physics'"),
        (["hydra.job.name=a", "checkpoint=~nouser/x"], "there is no file or folder"),
        ([f"checkpoint={'x' * 300}"], "(300 characters): no run or pinned link has"),
        (
            ["viewer=web", f"env.viewerHost={'x' * 300}"],
            "(300 characters)' has no address: no such name can exist",
        ),
    ],
)
def test_odd_words_are_refused_in_one_message_that_shows_them_in_part(
    words, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert app.main(words) == 2
    said = capsys.readouterr().err
    assert message in said and "x" * 201 not in said
    assert not list(tmp_path.iterdir())
