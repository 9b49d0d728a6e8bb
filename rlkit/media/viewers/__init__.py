"""Watching a scene while it moves, in a browser or in a window of MuJoCo's own.

The front door of this folder is cheap to import: what draws is imported when a viewer opens.
"""

from rlkit.media.viewers.api import Frame, UserInput, Viewer, ViewerError
from rlkit.media.viewers.registry import choose_viewer, open_viewer

__all__ = ["Frame", "Viewer", "ViewerError", "UserInput", "choose_viewer", "open_viewer"]
