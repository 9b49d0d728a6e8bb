"""A project of its own for each journey: train.py, rlkit/ and conf/ copied, and `python` meaning this one."""

from __future__ import annotations

import signal

import pytest
from project import Project

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # `nohup make test &` would have every process ignore the Ctrl-C that journeys press
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def project(tmp_path) -> Project:
    """A fresh project without runs."""
    return Project.copied(tmp_path / "project")


@pytest.fixture(scope="session")
def trained_project(tmp_path_factory) -> Project:
    """A project with one short BaseTask run, `trained`; tests add runs to it but never change that one."""
    project = Project.copied(tmp_path_factory.mktemp("trained") / "project")
    words = ("logging.experimentName=trained", "train.units=[8]", "numEnvs=4", "maxIter=2", "seed=3")
    done = project.train(*words)
    assert done.returncode == 0, done.stderr
    return project
