"""What tests of whole command lines share: nothing boots, and the jobs of a sweep stay in this process."""

from __future__ import annotations

import sys
import types

import pytest

from rlkit import app
from rlkit.config.compose import _no_hydra_around
from rlkit.sweeps import processes


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Experiments that reach the runtime, which a stand-in replaces; the jobs of a sweep stay in this process."""
    found = []
    launch = types.ModuleType("rlkit.runtime.launch")
    launch.run_experiment = lambda experiment, source, going_on: found.append(experiment) or 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rlkit.runtime.launch", launch)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setattr(processes, "_command", lambda words: words)
    monkeypatch.setattr(processes.subprocess, "Popen", InThisProcess)
    monkeypatch.chdir(tmp_path)
    return found


class InThisProcess:
    """Stands for the process of a sweep's job."""

    def __init__(self, words, **_):
        argv = sys.argv[:]
        try:
            with _no_hydra_around():
                self.status = app.main(words)
        except RuntimeError:  # where Python would print it and end
            self.status = 1
        sys.argv = argv

    def poll(self):
        return self.status
