"""The model of recordings that meshes make large: once in a folder, in a file named by its content."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from pathlib import Path
from typing import BinaryIO

from rlkit.errors import RlkitError
from rlkit.sims.mjcf import LARGEST
from rlkit.untrusted import open_regular
from rlkit.workspace import write_atomic

APART = 200_000  # bytes of a model's text, above which it is not in each recording
_MOST = 2 * LARGEST  # of a text with embedded files


class ModelFileError(RlkitError):
    """The model's file is missing or is not what it was."""


def model_file(sha256: str) -> str:
    """The file's name; raises ModelFileError for what is no hash, as in a recording of somebody else."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ModelFileError(f"{sha256!r} is no SHA-256 of a model")
    return f"model_{sha256[:16]}.xml.gz"


def keep(folder: Path, text: bytes) -> str:
    """Write the model into the folder, where it is not there yet, and return its hash; raises WorkspaceError."""
    sha256 = hashlib.sha256(text).hexdigest()
    path = folder / model_file(sha256)
    if not path.exists():

        def write(handle: BinaryIO) -> None:
            handle.write(gzip.compress(text, mtime=0))

        write_atomic(path, write)
    return sha256


def read(folder: Path, sha256: str) -> bytes:
    """The model's text; raises ModelFileError where it is missing, damaged, or larger than any model."""
    path = folder / model_file(sha256)
    try:
        with open_regular(path) as file, gzip.open(file) as stream:
            text = stream.read(_MOST + 1)
    except FileNotFoundError as error:
        raise ModelFileError(
            f"the model with its meshes is in {path.name}, beside the recordings of its run, and not here: copy it to"
            f" {folder}"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error
    if len(text) > _MOST or hashlib.sha256(text).hexdigest() != sha256:
        raise ModelFileError(f"{path} is not the model that the recording is of")
    return text
