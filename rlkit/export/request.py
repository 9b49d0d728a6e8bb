"""What `rlkit export` is asked for, checked and put together without torch: refusals come before anything boots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Sequence

from rlkit.config import Experiment, changed, compose, from_file
from rlkit.config.words.values import quote
from rlkit.errors import raise_for
from rlkit.learners.facts import on_cpu, train_file
from rlkit.packages import how_to_install
from rlkit.runtime.checkpoints.head import CheckpointHead, read_head, require_fit
from rlkit.runtime.gym_request import problems
from rlkit.runtime.preboot import require_code
from rlkit.workspace import Resolved, WorkspaceError, refuse_links, resolve

FORMATS = ("onnx", "torchscript")
NUM_ENVS = 4  # in which the policy plays for the observations that formats are compared on

_PACKAGES = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "torchscript": ()}


@dataclass(frozen=True)
class ExportRequest:
    """Which checkpoint, with the settings it was trained with on a CPU, into which formats and folder."""

    source: Resolved
    head: CheckpointHead
    experiment: Experiment
    formats: tuple[str, ...]
    out: Path


def read_request(
    ref: str, root: Path, formats: tuple[str, ...], out: Path | None, trusted: Sequence[str] = ()
) -> ExportRequest:
    """Find the checkpoint as `checkpoint=` does (the best one of a run) and the settings of its run.

    trusted: modules that the run may have imported though they are not installed. Raises RlkitError for a package that
    is missing, and for a run, checkpoint, setting or environment.
    """
    _require_packages(formats)
    source = resolve(ref, root=root, default="best")
    if out is None and source.own_folder is None:
        raise WorkspaceError(
            f"{source.checkpoint} lies in no run's folder of yours: say where the export goes with --out FOLDER"
        )
    head = read_head(source.checkpoint)
    experiment = _experiment(source, head)
    experiment = replace(experiment, trusted=experiment.trusted | frozenset(trusted))
    require_code(experiment, head.code)
    require_fit(head, source.checkpoint, experiment.task, str(experiment.train["learner"]))
    if experiment.engine == "gymnasium":
        raise_for(problems(experiment))
    folder = out if out is not None else Path(str(source.own_folder)) / "export"
    if out is None:
        refuse_links(folder)
    return ExportRequest(source, head, experiment, formats, folder)


def _require_packages(formats: tuple[str, ...]) -> None:
    missing = [name for form in formats for name in _PACKAGES[form] if find_spec(name) is None]
    if missing:
        raise WorkspaceError(
            f"--format onnx needs {', '.join(missing)}, not installed here: {how_to_install('export')}."
            " TorchScript needs nothing more: --format torchscript"
        )


def _experiment(source: Resolved, head: CheckpointHead) -> Experiment:
    """The settings as a test of this checkpoint takes them, with the task and learner exactly as the run had them."""
    if source.run_path is None:
        train = train_file(head.task, head.learner_name)
        words = _words(source.checkpoint, head.learner_name)
        return compose([*head.task_words, f"train={train}", *words])
    trained = from_file(source.run_path / "config.yaml")
    return changed(trained, quiet_test(trained, source, NUM_ENVS, trained.training.seed, "cpu"))


def quiet_test(
    trained: Experiment, source: Resolved, num_envs: int, seed: int, device: str
) -> dict[str, Any]:
    """What a test of a run's policy that nobody looks at changes of its settings, by full name."""
    return {
        "env.numEnvs": num_envs,
        "env.device": device,
        "env.render": False,
        "env.viewer": "auto",
        "env.recordVideo": False,
        "sim.name": trained.asked.get("sim.name", trained.sim.name),
        "sim.numThreads": "auto",
        "training.test": True,
        "training.checkpoint": str(source.checkpoint),
        "training.resume": None,
        "training.initFrom": None,
        "training.seed": seed,
        "training.threads": "auto",
        **{f"train.{key}": value for key, value in on_cpu(trained.train["learner"]).items()},
    }


def _words(checkpoint: Path, learner: str) -> list[str]:
    """What is asked for besides the settings of the training."""
    words = ["test=true", f"checkpoint={quote(str(checkpoint), path=False)}"]
    words += [f"numEnvs={NUM_ENVS}", "device=cpu"]
    return words + [f"train.{key}={str(value).lower()}" for key, value in on_cpu(learner).items()]
