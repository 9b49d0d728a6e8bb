"""Classes of others that settings name: which they are, and why one cannot be had; nothing is imported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Collection, Mapping

from rlkit.learners.facts import LEARNERS, NETWORKS
from rlkit.packages import train_command
from rlkit.plugins import modules, source
from rlkit.sims.facts import SIMULATORS
from rlkit.untrusted import parse_json, read_plain

Code = Mapping[str, Any]
"""task, learner, network or simulator -> class, package and version: what files say of such classes, which may be
anybody's."""

# Of each kind: the section and the key that name it, the word of the command line that does, and the entry points.
_KINDS = {
    "task": ("task", "class", "task", "rlkit.tasks"),
    "learner": ("train", "learner", "train.learner", "rlkit.learners"),
    "network": ("train", "network", "train.network", "rlkit.networks"),
    "simulator": ("sim", "name", "sim.name", "rlkit.sims"),
}
_PACKAGE = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_OURS = {"auto", *LEARNERS, *NETWORKS, *SIMULATORS}


def classes_of(sections: Mapping[str, Any]) -> dict[str, str]:
    """task, learner, network or simulator -> module:Class, of those in sections that are not rlkit's own.

    One that an installed package has offered by a name, and no longer does, keeps that name; but for a network, since
    a learner of others may have words of its own for those.
    """
    found: dict[str, str] = {}
    for kind, (section, key, _, group) in _KINDS.items():
        inside = sections.get(section) if isinstance(sections, Mapping) else None
        name = inside.get(key) if isinstance(inside, Mapping) else None
        if isinstance(name, str) and name not in _OURS:
            code = modules.resolved(group, name)
            if code is not None or kind != "network":
                found[kind] = code or name
    return found


def code_of(sections: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a run, a checkpoint and a recording keep of these classes."""
    return {
        kind: {"class": name, **modules.origin(name)._asdict()} for kind, name in classes_of(sections).items()
    }


def beside(config_yaml: Path) -> Code:
    """What the run.json beside a run's config.yaml says of them; nothing where it cannot be read."""
    try:
        content = parse_json(read_plain(config_yaml.with_name("run.json"))[0], float)
    except (OSError, ValueError):
        return {}
    known = content.get("code") if isinstance(content, dict) else None
    return known if isinstance(known, dict) else {}


def words_for(kind: str, name: str) -> str:
    """The word that chooses a class on the command line."""
    return f"{_KINDS[kind][2]}={name}"


def missing(sections: Mapping[str, Any], code: Code | None) -> list[str]:
    """Classes that are not here; code: what the run's files say of where they came from."""
    found = []
    for kind, name in classes_of(sections).items():
        problem = source.problem(name) if modules.is_name(name) else "no installed package offers it"
        if problem is not None:
            here = f"{words_for(kind, name)}: {problem}"
            found.append(here if modules.file_of(name.partition(":")[0]) else _said(kind, name, code) or here)
    return found


def _said(kind: str, name: str, code: Code | None) -> str | None:
    """The message about a class that a run has from elsewhere; None where its files do not tell."""
    known = (code or {}).get(kind)
    package, version = (
        (known.get("package"), known.get("version")) if isinstance(known, Mapping) else ("", "")
    )
    if not isinstance(package, str) or not _PACKAGE.fullmatch(package):  # which may be anybody's words
        return None
    start = f"this run's {kind} {name.rpartition(':')[2]} is {package}"
    if not version:
        return f"{start}'s, which is not here: start in its project folder"
    return f"{start} {version}'s, which is not installed here: pip install {package}, or start in its project folder"


def refused(sections: Mapping[str, Any], trusted: Collection[str]) -> dict[str, tuple[str, str]]:
    """Module -> (the words that ask for it, why it may not be imported) of classes that a run alone chose."""
    found = {}
    for kind, name in classes_of(sections).items():
        problem = modules.refusal(name, trusted)
        if problem is not None:
            found[name.partition(":")[0]] = (words_for(kind, name), problem)
    return found


def problems(sections: Mapping[str, Any], trusted: Collection[str], code: Code | None = None) -> list[str]:
    """Why the classes of a request cannot be had, or may not be imported."""
    return missing(sections, code) or [
        f"{words}: a run or recording asks for this, and it would import {module}, which {problem}. If you know what it"
        f" does, say so: type {words} with {train_command()}, --trust {module} with rlkit"
        for module, (words, problem) in refused(sections, trusted).items()
    ]
