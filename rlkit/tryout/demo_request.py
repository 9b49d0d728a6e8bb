"""What `rlkit demo` is asked for, checked without torch: refusals come before anything boots."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from rlkit import zoo
from rlkit.config import Experiment, compose
from rlkit.config.words.inherit import read_base
from rlkit.config.words.values import quote
from rlkit.errors import ConfigError, raise_for
from rlkit.learners.facts import on_cpu
from rlkit.runtime.checkpoints.head import CheckpointHead, read_head, require_fit
from rlkit.runtime.preboot import require_code, require_makeable
from rlkit.runtime.watching.available import problems
from rlkit.workspace import Resolved, ResolveError, resolve

IN_VIEWER = 4  # envs, of which the viewer's user may choose


@dataclass(frozen=True)
class DemoRequest:
    """A policy and the test that shows it. film: the file for a video of `seconds`; None shows it in a viewer."""

    source: Resolved
    head: CheckpointHead
    experiment: Experiment
    seconds: float
    film: Path | None


def read_request(
    name: str, root: Path, viewer: Sequence[str], film: bool, out: Path | None, seconds: float
) -> DemoRequest:
    """Find the policy: of that name in the zoo, or as `checkpoint=` does; its settings are those of its training.

    viewer: the words that choose it. film: make a video instead, `NAME.mp4` in the current folder where `out` does not
    say. Raises RlkitError with what is wrong.
    """
    source = _source(name, root)
    if source.run_path is None:
        raise ConfigError(f"{name}: lies in no run's folder, whose settings say how to show it; name a run")
    head = read_head(source.checkpoint)
    words = ["test=true", f"checkpoint={quote(str(source.checkpoint), path=False)}", "device=cpu", *viewer]
    words += [f"train.{key}={str(value).lower()}" for key, value in on_cpu(head.learner_name).items()]
    words += ["numEnvs=1", "render=false", "env.recordVideo=true"] if film else [f"numEnvs={IN_VIEWER}"]
    experiment = compose(words, base=read_base(source.run_path / zoo.SETTINGS))
    require_code(experiment, head.code)
    require_fit(head, source.checkpoint, experiment.task, str(experiment.train["learner"]))
    require_makeable(experiment)
    raise_for(problems(experiment))
    return DemoRequest(source, head, experiment, seconds, _out(out, source.run_path.name) if film else None)


def _source(name: str, root: Path) -> Resolved:
    """The policy's checkpoint; raises ResolveError, which tells of the zoo too."""
    if name in zoo.shipped():
        return resolve(f"{zoo.PREFIX}{name}")
    try:
        return resolve(name, root=root, default="best")
    except ResolveError as error:
        if "/" in name or ":" in name:
            raise
        raise ResolveError(f"{zoo.unknown(name)}\n{error}") from error


def _out(out: Path | None, name: str) -> Path:
    """The file for the video; raises ConfigError."""
    out = Path(f"{name}.mp4") if out is None else out
    if out.suffix != ".mp4":
        raise ConfigError(f"--out {out}: write a name that ends in .mp4")
    if not out.absolute().parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}")
    return out
