"""Watching a scene while it moves, in a browser or in a window of MuJoCo's own.

The front door of this folder is cheap to import: what draws is imported when a viewer opens.
"""

from rlkit.media.viewers.api import Frame, Viewer, ViewerError, Wishes, choose_viewer, open_viewer

__all__ = ["Frame", "Viewer", "ViewerError", "Wishes", "choose_viewer", "open_viewer"]
