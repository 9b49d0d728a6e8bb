"""What was found out about this machine once, kept for later runs: small JSON files in the user's cache folder.

Nothing depends on them: where the folder cannot be read or written, or a file says something else, it is as if there
were none.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Mapping

from rlkit.workspace.store.atomic import remove_if_there, temporary_beside

MOST_BYTES = 10_000


Accept = Callable[[Mapping[str, Any]], bool]
"""Whether an answer can be one: a file may hold anything."""


def recall(question: Mapping[str, Any], accept: Accept) -> Mapping[str, Any] | None:
    """The answer that was kept for this very question; None where there is none that can be read and accepted."""
    file = _file(question)
    try:
        if file is None or not file.is_file():
            return None
        with file.open("rb") as handle:
            kept = json.loads(handle.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    fits = isinstance(kept, dict) and kept.get("question") == _plain(question)
    answer = kept.get("answer") if fits else None
    return answer if isinstance(answer, dict) and accept(answer) else None


def remember(
    question: Mapping[str, Any], answer: Mapping[str, Any], accept: Accept, *, newest: bool = False
) -> Mapping[str, Any]:
    """Keep an answer; returns the one that counts: of processes that ask at the same time, the first one's.

    newest: it takes the place of an older one.
    """
    file = _file(question)
    if file is None:
        return answer
    temporary = temporary_beside(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"question": question, "answer": answer}, indent=2), encoding="utf-8")
        if not newest:
            with suppress(OSError):
                os.link(temporary, file)  # appears whole, and only where nobody was quicker
        if newest or recall(question, accept) is None:  # damaged; or a file system without links
            temporary.replace(file)
    except OSError:
        return answer
    finally:
        with suppress(OSError):
            remove_if_there(temporary)
    return recall(question, accept) or answer


def processor() -> str:
    """What the processor calls itself: several models have one name, so with its numbers."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")[:4000]
    except OSError:
        return platform.processor()
    wanted = ("model name", "cpu family", "model", "stepping", "CPU part", "CPU implementer")
    first = text.split("\n\n")[0].splitlines()
    return "; ".join(" ".join(line.split()) for line in first if line.partition(":")[0].strip() in wanted)


def _file(question: Mapping[str, Any]) -> Path | None:
    folder = _folder()
    if folder is None:
        return None
    digest = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:20]
    return folder / f"{digest}.json"


def _folder() -> Path | None:
    """`$XDG_CACHE_HOME/rlkit`, else `~/.cache/rlkit`; None where the user has no home."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if Path(given).is_absolute():
        return Path(given) / "rlkit"
    with suppress(RuntimeError):
        return Path.home() / ".cache" / "rlkit"
    return None


def _plain(question: Mapping[str, Any]) -> Any:
    """The question as JSON gives it back."""
    return json.loads(json.dumps(question))
