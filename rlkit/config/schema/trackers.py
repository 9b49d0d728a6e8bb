"""Which trackers there are: a row each, of what is known of one without importing it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from rlkit.untrusted import expanded


@dataclass(frozen=True)
class TrackerFacts:
    """module: the package that is imported; extra: rlkit's, which installs it; label: what it is called in texts.

    made_by: its class in rlkit.runtime.trackers. takes: settings of `logging` that not every tracker has.
    """

    label: str
    module: str
    extra: str
    made_by: str
    takes: tuple[str, ...] = ()


TRACKERS = {
    "wandb": TrackerFacts(
        "W&B", "wandb", "wandb", "rlkit.runtime.trackers.wandb:WandB", ("trackerMode", "trackerEntity")
    ),
    "trackio": TrackerFacts("Trackio", "trackio", "trackio", "rlkit.runtime.trackers.trackio:Trackio"),
    "mlflow": TrackerFacts(
        "MLflow", "mlflow", "mlflow", "rlkit.runtime.trackers.mlflow:MLflow", ("trackerUrl",)
    ),
}
NONE = "none"
AUTO, ONLINE, OFFLINE, DISABLED = MODES = ("auto", "online", "offline", "disabled")


def has_wandb_key() -> bool:
    """Whether this user has logged in to W&B: by the environment, or by `wandb login`, which writes ~/.netrc."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai").hostname or ""
    path = expanded(os.environ.get("NETRC", "~/.netrc"))
    try:
        return host in path.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False


def wandb_mode(asked: str) -> str:
    """What W&B is to do: as asked, with `auto` as $WANDB_MODE says, else online with a key and offline without."""
    if asked != AUTO:
        return asked
    named = os.environ.get("WANDB_MODE", "").lower()
    if named in (OFFLINE, DISABLED) or (named == ONLINE and has_wandb_key()):
        return named
    return ONLINE if has_wandb_key() else OFFLINE
