"""TrackMotionDeepMimic: TrackMotion with DeepMimic's reward."""

from __future__ import annotations

from rlkit.tasks.track_motion import TrackMotion


class TrackMotionDeepMimic(TrackMotion):
    """The same; its weights stand in conf/task/TrackMotionDeepMimic.yaml."""
