"""What looks like a secret is masked in everything that a run stores: command line, changes of the code, settings, log.

It stands above the rooms because settings are masked where they are written down, and texts where runs are recorded. A
shape that is not known here is not masked: what must not be stored belongs into an environment variable.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping

MASK = "<masked>"

# Tokens that say what they are: AWS, GitHub, GitLab, Hugging Face, OpenAI and its like, Slack, Google, PyPI, npm, JWT.
_TOKEN = re.compile(
    r"""\b(?:A(?:KIA|SIA|ROA|IDA)[0-9A-Z]{16}\b
    |gh[pousr]_\w{20,}
    |github_pat_\w{20,}
    |glpat-[\w-]{16,}
    |hf_[A-Za-z0-9]{20,}
    |sk-[\w-]{16,}
    |[sr]k_(?:live|test)_\w{16,}
    |xox[abeoprs]-[\w-]{10,}
    |AIza[\w-]{30,}
    |pypi-[\w-]{16,}
    |npm_[A-Za-z0-9]{20,}
    |eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)""",
    re.X,
)
_PASSWORD_WORD = r"passw(?:or)?d|passphrase"
_WORD = rf"(?:{_PASSWORD_WORD}|token|secret[\w-]*|credentials?|(?:api|access|auth|private|account)[_-]?key)"
# `key=value`, `key: value`, `"key": "value"`, `--key value`; interpolations and masked values stay.
_VALUE = r"""(?:"[^"\n]+"|'[^'\n]+'|[^\s'"&,;)\]}]+)"""
_NAMED = re.compile(
    rf"""(?i)(?<![\w.-])([\w.-]*{_WORD}["']?[ \t]*[=:]=?[ \t]*|--[\w-]*{_WORD}[ \t]+)({_VALUE})"""
)
_SECRET_KEY = re.compile(rf"(?i)[\w.-]*{_WORD}")
_PASSWORD_KEY = re.compile(rf"(?i)[\w.-]*(?:{_PASSWORD_WORD})")
_HEX_KEY = re.compile(r"""(?i)(key["']?[ \t]*[=:][ \t]*["']?)(?:local-)?[0-9a-f]{40}\b""")  # wandb's
_IN_URL = re.compile(r"(?<=://)[^\s/@:'\"]*:[^\s/@'\"]+(?=@)")
_KEY_BLOCK = re.compile(r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----)((?:(?!-----)[\s\S])*)")
# Behind what `git diff` puts before each line
_KEY_PART = re.compile(rf"{MASK}|((?:^[+-])?)[\w+/=]{{4,}}", re.M)
# Code that fetches a value holds none: a call, an item, a type.
_CODE = re.compile(
    r"[A-Za-z_][\w.]*[(\[]|(?:str|bytes|int|Optional|None|null|true|false)\b|(?:self|args|os)\.", re.I
)


def masked(text: str) -> str:
    """The text with MASK in place of what looks like a secret; lines stay lines."""
    text = _KEY_BLOCK.sub(lambda found: found[1] + _KEY_PART.sub(rf"\1{MASK}", found[2]), text)
    text = _IN_URL.sub(MASK, text)
    text = _HEX_KEY.sub(rf"\1{MASK}", text)
    text = _NAMED.sub(_masked_value(text), text)
    return _TOKEN.sub(MASK, text)


def masked_bytes(content: bytes) -> bytes:
    """masked() of a text in any encoding."""
    return masked(content.decode("latin-1")).encode("latin-1")


def masked_settings(value: Any, key: str = "") -> Any:
    """Nested settings, masked by the names of the keys and by the shapes of the texts."""
    if isinstance(value, Mapping):
        return {name: masked_settings(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked_settings(item, key) for item in value]
    if isinstance(value, str):
        return MASK if value and "${" not in value and _SECRET_KEY.fullmatch(key) else masked(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and _PASSWORD_KEY.fullmatch(key):
        return MASK
    return value


def masked_places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where nested settings hold the mask instead of what was there."""
    if isinstance(value, Mapping):
        return [place for name, item in value.items() for place in masked_places(item, (*path, name))]
    if isinstance(value, (list, tuple)):
        return [place for i, item in enumerate(value) for place in masked_places(item, (*path, i))]
    return [path] if isinstance(value, str) and MASK in value else []


def _masked_value(text: str) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        quote = value[0] if value[0] in "'\"" else ""
        if value.strip("'\"").startswith(("$", MASK)) or (not quote and _CODE.match(text, found.start(2))):
            return found[0]
        return f"{name}{quote}{MASK}{quote}"

    return replace
