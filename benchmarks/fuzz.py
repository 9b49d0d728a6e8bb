"""Random requests: none may end in a traceback, make a folder, or answer with a status other than 0 or 2.

    python -m benchmarks.fuzz --requests 10000

Requests are words of the right kind, of other programs, damaged ones and noise, drawn from a seed; they run offline in
an empty folder. Most go through rlkit.app.main in this process, up to the hop that would claim a run folder; every
hundredth is a command of its own. A sweep that is right may make the folder of its books.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
import types
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

from rlkit.config.files.conf import Conf, find_conf
from rlkit.config.schema import keys
from rlkit.config.schema.keys import COMMON_KEYS, LEARNER_KEYS
from rlkit.config.words import foreign

ROOT = Path(__file__).resolve().parents[1]
OWN_PROCESS = 100  # every which request
LONGEST_ECHO = 200  # characters of a value that a message may hold

_WORDS = (
    "true",
    "false",
    "null",
    "auto",
    "latest",
    "inf",
    "nan",
    "0",
    "1",
    "-1",
    "64",
    "1e-3",
    "1e400",
    "[]",
    "{}",
)
_ODD = (
    "käm", "günther_α_実験", "🤖", "a b", "a,b", "[1,2", "{a:1}", "{a: ä}", "[ä,b]", "${x}", "${oc.env:HOME}", "$(x)",
    "~nouser", "~nouser/x", "~", "~/x", "../..", "/", "/dev/null", "", " ", "\t", "\n", "a\nb", "'", '"', "'a", '"a',
    "a'b", "\\", "\\'", "a\\", "%s", "{0}", "choice(1,2)", "range(1,3)", "glob(*)", "shuffle(1,2)", "sort(", "???",
    "!!python/name:os.system", "&a", "*a", "#x", "a#b", "a=b", "=", "==", ":", "a:b", "@", "a@b", "-", "--", "1_000",
    "0x10", "0b1", "1e5", ".5", "+5", "١٢", "\ud800", "\udcff", "\x01", "\x7f", "\u202e", "\u0000"[:0], "nul",
)  # fmt: skip
_HYDRAS = (
    "-m", "--multirun", "-r", "--run", "--cfg job", "--cfg nope", "-c", "--info", "-i nope", "--resolve", "-p x",
    "--package task", "-cn debug", "-cn", "-cd .", "-cd nowhere", "-cp nowhere", "--config-dir=", "--version",
    "--hydra-help", "--experimental-rerun=x", "--experimental-rerun", "-sc", "-sc install=bash",
    "-sc nope", "-sc query=bash",
    "hydra.verbose=null", "hydra.verbose=5", "hydra.mode=foo", "hydra.run.dir=null", "hydra.searchpath=5",
    "hydra.sweep.subdir=${nope}", "hydra/launcher=nope", "hydra.launcher=5", "hydra.foo=1", "hydra=5", "~hydra",
    "hydra.job.name=ä", "+hydra.callbacks.x=5", "hydra.sweeper.params=3", "help", "--help", "-h", "--help train.",
)  # fmt: skip


@dataclass
class Tally:
    """What came of the requests."""

    statuses: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0  # s

    @property
    def clean(self) -> bool:
        return not self.faults


class Requests:
    """Random command lines, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        conf = Conf(find_conf())
        self.options: dict[str, list[str]] = {group: conf.options(group) for group in keys.GROUPS}
        self.options["config"] = conf.roots()
        learners = [key for lines in LEARNER_KEYS.values() for key in lines]
        self.names = [key.name for key in (*COMMON_KEYS, *learners)] + list(keys.ALIASES) + list(self.options)
        self.foreign = list(foreign.FOREIGN)

    def line(self) -> list[str]:
        words: list[str] = []
        for _ in range(self.draw.choice((1, 1, 1, 2, 3, 6))):
            make = self.draw.choice(
                (self._right, self._setting, self._setting, self._form, self._hydra, self._noise)
            )
            words += make()
        return [word.replace("\0", "") for word in words]

    def _right(self) -> list[str]:
        group = self.draw.choice(list(self.options))
        return [f"{group}={self.draw.choice(self.options[group])}"]

    def _setting(self) -> list[str]:
        return [f"{self._name()}={self._value()}"]

    def _form(self) -> list[str]:
        """A setting that is not written as name=value."""
        name, value = self._name(), self._value()
        forms: tuple[list[str], ...] = (
            [f"--{name}", value], [f"--{name}={value}"], [f"-{name}"], [name, value], [f"{name}:", value],
            [f"{name}: {value}"], [name], [f"{name}=", value], [name, "=", value], [name, f"={value}"],
            [f"+{name}={value}"],
            [f"~{name}"], [f"++{name}={value}"], [f"+defaults=[{value},{name}]"], [f"/{name}={value}"],
        )  # fmt: skip
        return self.draw.choice(forms)

    def _hydra(self) -> list[str]:
        return str(self.draw.choice(_HYDRAS)).split(" ")

    def _noise(self) -> list[str]:
        letters = "abcxyz=.[]{}()'\"\\$:,~+-_ /@#0159äß実\n\t"
        return ["".join(self.draw.choice(letters) for _ in range(self.draw.randrange(12)))]

    def _name(self) -> str:
        name = self.draw.choice(
            (self.draw.choice(self.names), self.draw.choice(self.names), self.draw.choice(self.foreign))
        )
        if self.draw.random() < 0.3:  # a slip of the finger
            at = self.draw.randrange(len(name))
            name = name[:at] + self.draw.choice(("", "x", name[at] * 2, ".", "ä", "*")) + name[at + 1 :]
        return name.replace("*", self.draw.choice(("x", "alive", "ä", "*")))

    def _value(self) -> str:
        makers: tuple[Callable[[], str], ...] = (
            lambda: self.draw.choice(_WORDS),
            lambda: self.draw.choice(_ODD),
            lambda: str(self.draw.randrange(-5, 10 ** self.draw.randrange(1, 12))),
            lambda: f"{self.draw.uniform(-1, 1):.3g}",
            lambda: self.draw.choice("59") * self.draw.choice((20, 400, 5000)),
            lambda: self.draw.choice("xä ") * self.draw.choice((250, 300, 5000)) + "y",
            lambda: self.draw.choice("[{(") * self.draw.choice((25, 3000)),
            lambda: f"[{','.join(self.draw.choice(_WORDS + _ODD) for _ in range(self.draw.randrange(5)))}]",
            lambda: ",".join(self.draw.choice(_WORDS) for _ in range(3)),
        )
        return self.draw.choice(makers)()


def fuzz(requests: int, seed: int = 0, own_process: int = OWN_PROCESS) -> Tally:
    """Try random requests; the tally has a line for each fault. Every `own_process`-th is a command (0: none)."""
    tally = Tally()
    source = Requests(seed)
    for number in range(requests):
        words = source.line()
        alone = own_process and number % own_process == 0
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            status, said = (_command if alone else _in_process)(words, Path(folder))
            tally.slowest = max(tally.slowest, 0.0 if alone else time.process_time() - start)
            made = sorted(path.name for path in Path(folder).iterdir())
        tally.statuses[status] += 1
        for fault in _faults(words, status, said, made):
            tally.faults.append(f"{number}: {fault}: {words!r:.300}")
    return tally


def _faults(words: list[str], status: object, said: str, made: list[str]) -> Iterator[str]:
    if "Traceback (most recent call last)" in said:
        yield "a traceback\n" + said[-1500:]
    if status not in (0, 2):
        yield f"status {status}"
    if made and not (status == 0 and made == ["runs_all"]):  # a sweep that starts has a folder for its books
        yield f"made {made}"
    if status == 2 and not said.strip():
        yield "no word of why"
    for word in words:
        for part in (word, word.partition("=")[2]):
            if len(part) > LONGEST_ECHO + 1 and part[: LONGEST_ECHO + 1] in said:
                yield "echoed in full"
                return


def _in_process(words: list[str], folder: Path) -> tuple[object, str]:
    from rlkit import app

    out, before = io.StringIO(), Path.cwd()
    argv, sys.argv = sys.argv, ["train.py"]
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), _stopped_before_the_run():
            status: object = app.main(words)
    except SystemExit as stop:
        status = 0 if stop.code is None else stop.code
    except BaseException:
        if isinstance(sys.exc_info()[1], KeyboardInterrupt):
            raise
        status = 1
        out.write(traceback.format_exc())
    finally:
        os.chdir(before)
        sys.argv = argv
    return status, out.getvalue()


@contextlib.contextmanager
def _stopped_before_the_run() -> Iterator[None]:
    """A stand-in for the hop that claims a run folder, and for the processes of a sweep's jobs.

    What checks environments and weights before it is real.
    """
    from rlkit.sweeps.processes import Ended, Processes

    def carry_out(_, next_job, started, ended, *__) -> None:
        for job in iter(next_job, None):
            started(job, None)
            ended(Ended(job, 0, 0.0, None))

    name = "rlkit.runtime.launch"
    launch, real = types.ModuleType(name), sys.modules.get(name)
    launch.run_experiment = lambda experiment, source, going_on: 0  # type: ignore[attr-defined]
    sys.modules[name] = launch
    before, Processes.carry_out = Processes.carry_out, carry_out  # type: ignore[method-assign]
    try:
        yield
    finally:
        Processes.carry_out = before  # type: ignore[method-assign]
        del sys.modules[name]
        if real is not None:
            sys.modules[name] = real


def _command(words: list[str], folder: Path) -> tuple[object, str]:
    """`python train.py` in a process of its own, with the same stand-in."""
    code = (
        "import sys; from benchmarks.fuzz import _stopped_before_the_run as stopped; from rlkit.app import main\n"
        "sys.argv = ['train.py', *sys.argv[1:]]\n"
        "with stopped(): sys.exit(main())"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    raw = [
        os.fsencode(word) if not _is_lone(word) else word.encode("utf-8", "surrogatepass") for word in words
    ]
    command = [sys.executable, "-c", code, *raw]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120, check=False)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def _is_lone(word: str) -> bool:
    """Whether a word has half a character that no argument of a process can hold."""
    return any("\ud800" <= letter < "\udc80" for letter in word)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start = time.perf_counter()
    tally = fuzz(asked.requests, asked.seed)
    print(*tally.faults, sep="\n")
    statuses = ", ".join(
        f"{count} of status {status}" for status, count in sorted(tally.statuses.items(), key=str)
    )
    print(
        f"{asked.requests} requests of seed {asked.seed} in {time.perf_counter() - start:.0f} s: {statuses}; "
        f"{len(tally.faults)} faults; the slowest in this process took {tally.slowest:.2f} s of CPU"
    )
    return 0 if tally.clean else 1


if __name__ == "__main__":
    sys.exit(main())
