"""Commands that start in a process with torch imported behave as those of a new interpreter: tests/support/warm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest
import warm
from project import ROOT, wait_until

pytestmark = pytest.mark.slow

SCRIPT = """
import os, random, signal, sys, time
from pathlib import Path

if sys.argv[1:] == ["wait"]:
    Path("pid").write_text(str(os.getpid()))
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(5)
surroundings = sys.stdin.read(), os.environ["SAID"], os.getcwd(), __name__, __file__
print(sys.argv, *surroundings, "torch" in sys.modules, sys.path[:2])
print("last", file=sys.stderr, end="")
Path("drawn").write_text(str(random.random()))
sys.exit(3)
"""


def start(folder: Path, *words: str, **said: str) -> subprocess.Popen[str]:
    (folder / "script.py").write_text(SCRIPT)
    environ = {**os.environ, **warm.environment(), "SAID": "this", **said}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*warm.python(), *words], cwd=folder, env=environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def test_a_script_has_its_words_streams_folder_and_environment(tmp_path: Path) -> None:
    told = []
    for _ in range(2):
        process = start(tmp_path, "script.py", "a b", PYTHONPATH="/x")
        out, err = process.communicate("typed")
        assert (process.returncode, err) == (3, "last")
        path = [str(tmp_path), "/x"]
        assert out == f"['script.py', 'a b'] typed this {tmp_path} __main__ script.py True {path}\n"
        told.append((tmp_path / "drawn").read_text())
    assert told[0] != told[1]


def test_a_module_is_run_as_one_and_what_fails_shows_its_traceback(tmp_path: Path) -> None:
    process = start(tmp_path, "-m", "script", "x")
    assert f"['{tmp_path / 'script.py'}', 'x']" in process.communicate("")[0]
    (tmp_path / "fails.py").write_text("1 / 0")
    process = start(tmp_path, "fails.py")
    assert process.communicate()[1].endswith("ZeroDivisionError: division by zero\n")
    assert process.returncode == 1


@pytest.mark.parametrize("code", ["None", "0", "7", "-1", "'no such thing'"])
def test_it_ends_as_python_does(tmp_path: Path, code: str) -> None:
    """Threads are waited for, then what was to run at the end does; both may still print."""
    (tmp_path / "ends.py").write_text(
        "import atexit, sys, threading, time\n"
        "atexit.register(print, 'at exit')\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\n"
        f"print('main')\nsys.exit({code})\n"
    )
    told = []
    for python in (warm.python(), (sys.executable,)):
        environ = {**os.environ, **warm.environment()}
        told.append(
            subprocess.run(
                [*python, "ends.py"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
            )
        )
    assert told[0].stdout == told[1].stdout == "main\nthread\nat exit\n"
    assert (told[0].returncode, told[0].stderr) == (told[1].returncode, told[1].stderr)


def test_what_torchrun_starts_is_one_too(tmp_path: Path) -> None:
    process = start(tmp_path, "-u", "script.py", "x", TORCH_NCCL_ASYNC_ERROR_HANDLING="1", PYTHON_EXEC="/x")
    assert f"__main__ script.py True ['{tmp_path}'" in process.communicate("")[0]


@pytest.mark.parametrize(
    "words", [["-c", "import sys; print('torch' in sys.modules)"], ["-X", "utf8", "cold.py"]]
)
def test_what_only_a_new_interpreter_can_do_one_does(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "cold.py").write_text("import sys; print('torch' in sys.modules)")
    assert start(tmp_path, *words).communicate()[0] == "False\n"
    cold = start(tmp_path, "cold.py", PYTHONHASHSEED="1")
    assert cold.communicate()[0] == "False\n"


def running(folder: Path) -> Callable[[], bool]:
    def is_running() -> bool:
        try:
            state = Path(f"/proc/{(folder / 'pid').read_text()}/stat").read_text()
        except FileNotFoundError:
            return False
        return state.rpartition(")")[2].split()[0] != "Z"

    return is_running


def test_signals_reach_it_and_it_ends_with_who_waits_for_it(tmp_path: Path) -> None:
    process = start(tmp_path, "script.py", "wait")
    wait_until(running(tmp_path), "the command")
    process.send_signal(signal.SIGINT)
    assert process.communicate()[0] == "interrupted\n"
    assert process.returncode == 5

    (tmp_path / "pid").unlink()
    process = start(tmp_path, "script.py", "wait")
    wait_until(running(tmp_path), "the command")
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == -signal.SIGTERM

    (tmp_path / "pid").unlink()
    process = start(tmp_path, "script.py", "wait")
    wait_until(running(tmp_path), "the command")
    process.kill()
    process.communicate()
    wait_until(lambda: not running(tmp_path)(), "its end")

    (tmp_path / "pid").unlink()
    process = start(tmp_path, "script.py", "wait")
    wait_until(running(tmp_path), "the command")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_the_same_python_runs_it(tmp_path: Path) -> None:
    (tmp_path / "which.py").write_text("import sys; print(sys.executable)")
    assert start(tmp_path, "which.py").communicate()[0].strip() == sys.executable


def test_what_a_command_starts_of_rlkit_is_one_too(tmp_path: Path) -> None:
    """Where a project says how: it finds modules where the command does."""
    words = [*warm.python(), "job.py"]
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {" ".join(words[:-1])} "$@"\n')
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "job.py").write_text(
        "import subprocess\nfrom rlkit.packages import python\n"
        "code = 'print(sys.argv, __name__, \"torch\" in sys.modules, sys.path[0])'\n"
        "print(subprocess.run([*python(code), 'a b'], capture_output=True, text=True).stdout, end='')\n"
    )
    environ = {"PYTHONPATH": str(ROOT), "RLKIT_WARM_PYTHON": str(tmp_path / "python")}
    out, err = start(tmp_path, "job.py", **environ).communicate()
    assert (out, err) == (f"['-c', 'a b'] __main__ True {tmp_path}\n", "")
