"""What is wrong with a motion file, a list of them or a robot that they are for."""

from __future__ import annotations

from rlkit.errors import RlkitError


class MotionError(RlkitError):
    """A clip cannot be read, found or used; the message names the file and says what to do."""
