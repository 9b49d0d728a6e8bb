"""Trackers: what is not installed, or not said to the right one, is refused before anything starts."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.config.schema.trackers import TRACKERS, wandb_mode
from rlkit.config.words.inherit import Base
from rlkit.sims.facts import USABLE

HERE = Machine(cores=4, simulators=frozenset(USABLE))
BARE = Machine(cores=4, simulators=frozenset(USABLE), has_package=lambda name: name not in TRACKERS)


@pytest.fixture(autouse=True)
def no_key(monkeypatch, tmp_path):
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def refusal(words: str, machine: Machine = HERE) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(words.split(), machine=machine)
    assert len(caught.value.messages) == 1, caught.value.report()
    return caught.value.messages[0]


@pytest.mark.parametrize("name", TRACKERS)
def test_a_package_that_is_missing_is_named_with_what_installs_it(name):
    said = refusal(f"logging.tracker={name}", BARE)
    assert f"logging.tracker={name}: not installed here (there is no {name}); install it with: pip " in said
    assert f"[{name}]'; or write logging.tracker=none" in said


def test_a_test_and_a_disabled_tracker_need_no_package():
    compose(["logging.tracker=wandb", "test=true", "checkpoint=latest"], machine=BARE)
    compose(["logging.tracker=wandb", "logging.trackerMode=disabled"], machine=BARE)


@pytest.mark.parametrize(
    ("words", "whose"),
    [
        ("logging.tracker=mlflow logging.trackerEntity=me", "logging.trackerEntity=me: only tracker=wandb"),
        ("logging.tracker=trackio logging.trackerMode=offline", "logging.trackerMode=offline: only tracker=wandb"),
        ("logging.tracker=wandb logging.trackerUrl=http://h", "logging.trackerUrl=http://h: only tracker=mlflow"),
    ],
)  # fmt: skip
def test_what_another_tracker_has_is_refused(words, whose):
    assert f"{whose} has that; leave it out for" in refusal(words)


def test_a_run_of_somebody_else_names_no_server():
    said = {"tracker": "mlflow", "trackerUrl": "http://theirs", "trackerProject": "p"}
    base = Base("their/config.yaml", {}, {"logging": said})
    assert dict(base.inherited(test=False)) == {"logging.tracker": "mlflow", "logging.trackerProject": "p"}


def test_online_needs_a_key(monkeypatch):
    words = "logging.tracker=wandb logging.trackerMode=online"
    assert "there is no key of W&B here; log in with: wandb login" in refusal(words)
    monkeypatch.setenv("WANDB_API_KEY", "k")
    compose(words.split(), machine=HERE)


def test_left_to_itself_wandb_is_online_with_a_key_alone(monkeypatch, tmp_path):
    assert wandb_mode("auto") == "offline"
    (tmp_path / "netrc").write_text("machine api.wandb.ai\n  login user\n  password x\n")
    assert (wandb_mode("auto"), wandb_mode("offline")) == ("online", "offline")
    monkeypatch.setenv(
        "WANDB_BASE_URL", "https://wandb.example.org"
    )  # another server's key is not that one's
    assert wandb_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "k")
    assert wandb_mode("auto") == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode("auto") == "disabled"
