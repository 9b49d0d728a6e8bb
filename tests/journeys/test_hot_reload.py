"""testing.reloadInterval: a test that follows a training which really goes on beside it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading

import pytest
from project import wait_until

pytestmark = [pytest.mark.journey, pytest.mark.slow]

FOLLOW = ("test=true", "render=false", "numEnvs=2", "task.episodeLength=10", "testing.reloadInterval=0.3")


class Output:
    """What a process prints, line by line, as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self.process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def end(self, timeout: float) -> int:
        """Wait for the process; its exit status."""
        status = self.process.wait(timeout=timeout)
        self._thread.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return status

    def wait_for(self, pattern: str, count: int = 1) -> list[str]:
        """The groups of the first `count` lines that match."""

        def found():
            matches = [m for line in self.lines if (m := re.search(pattern, line))]
            assert self.process.poll() is None or len(matches) >= count, "".join(self.lines)
            return [m[m.re.groups and 1] for m in matches] if len(matches) >= count else None

        return wait_until(found, f"{count} times {pattern!r}", timeout=60)


def test_a_test_follows_a_run_that_trains_and_ends_with_it(project):
    words = ("numEnvs=4", "train.units=[8]", "maxIter=100000", "training.checkpointInterval=5")
    done = project.train(
        "numEnvs=4", "train.units=[16]", "maxIter=1", "logging.experimentName=other", timeout=120
    )
    assert done.returncode == 0, done.stderr
    training = project.start(*words, "logging.experimentName=live")
    nn = project.run("live") / "nn"
    wait_until(lambda: (nn / "checkpoint_last.pth").exists(), "a checkpoint")

    testing = project.start(*FOLLOW, "checkpoint=live", "logging.experimentName=tested")
    output = Output(testing)
    reloads = [int(text) for text in output.wait_for(r"reloaded: iteration (\d+) plays now", 3)]
    assert reloads == sorted(set(reloads))

    # Neither a torn file nor one of another network stops it; whole files come on.
    shutil.copy(project.run("other") / "nn" / "checkpoint_last.pth", nn / "foreign.tmp")
    torn = (nn / "checkpoint_last.pth").read_bytes()[:-500]
    (nn / "checkpoint_900000.pth").write_bytes(torn)
    output.wait_for(r"passed over: .*checkpoint_900000\.pth cannot be read: it is torn")
    (nn / "checkpoint_900000.pth").unlink()
    misfit = _with_iteration(nn / "foreign.tmp", 800000)
    misfit.rename(nn / "checkpoint_800000.pth")
    output.wait_for(r"passed over, iteration \d+ plays on: .*does not fit")
    (nn / "checkpoint_800000.pth").unlink()
    output.wait_for(r"reloaded: iteration (\d+) plays now", len(reloads) + 2)

    training.send_signal(signal.SIGINT)
    training.communicate(timeout=60)
    last = project.record("live")["iterations"]
    assert output.end(timeout=60) == 0
    assert f"reloaded: iteration {last} plays now" in "".join(output.lines)
    results = json.loads((project.run("tested") / "metrics.json").read_text())
    assert results["iteration"] == last
    iterations = [entry["iteration"] for entry in results["history"]]
    assert iterations == sorted(set(iterations))
    assert set(reloads) <= set(iterations)
    rows = (project.run("tested") / "episodes.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * len(iterations)
    assert project.record("tested")["state"] == "done"


def test_nothing_is_followed_that_does_not_train(trained_project):
    done = trained_project.train(*FOLLOW, "checkpoint=trained")
    assert done.returncode == 0, done.stderr
    assert "run trained does not train any more: nothing is reloaded" in done.stdout


def _with_iteration(path, iteration):
    import torch

    content = torch.load(path, weights_only=True)
    torch.save({**content, "iteration": iteration}, path)
    return path
