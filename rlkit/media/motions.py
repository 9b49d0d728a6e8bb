"""Motions that nothing was simulated for, as recordings: what shows and films recordings shows and films them too."""

from __future__ import annotations

import numpy as np

from rlkit.media.recording import SCHEMA, Recording, model_hash


def recording_of(name: str, mjcf: str, qpos: np.ndarray, period: float) -> Recording:
    """The recording of states `[T, nq]` of a model, `period` s apart; qpos in m, rad and wxyz, body to world."""
    steps = np.arange(len(qpos), dtype=np.int64)
    header = {
        "schema": SCHEMA,
        "task": name,
        "engine": "motion",
        "simulator": None,
        "control_period": period,
        "env": 0,
        "episode": 0,
        "length": len(qpos) - 1,
        "return": None,
        "success": None,
        "ended": "",
        "names": {"actions": [], "ctrl": [], "reward_terms": [], "criteria": [], "observations": []},
        "stride": 1,
        "content": "states",
        "pushes": [],
        "config": {},
        "model_sha256": model_hash(mjcf),
    }
    arrays = {
        "steps": steps,
        "time": steps * period,
        "qpos": np.asarray(qpos, np.float64),
        "mjcf": np.frombuffer(mjcf.encode("utf-8"), np.uint8),
    }
    return Recording(header, arrays)
