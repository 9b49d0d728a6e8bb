"""What reading a file raises that is cut short, damaged, of another kind, or up to no good."""

from __future__ import annotations

import pickle
import struct
import tokenize
import zipfile
import zlib

# Of zipfile, pickle, json, numpy and gzip; what the file system says of itself is an OSError.
TORN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    pickle.UnpicklingError,
    tokenize.TokenError,  # of numpy's headers, which it reads as Python's text
    SyntaxError,
    StopIteration,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,  # also NotImplementedError and RecursionError
    MemoryError,
)
