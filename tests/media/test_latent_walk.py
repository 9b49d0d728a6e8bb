"""The latent of the page: a walk stays on the sphere, and goes as far as its speed says."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("viser", reason="the web viewer is optional: pip install -e '.[viewer]'")

from rlkit.media.viewers.web.latents import LatentWalk


def test_a_walk_stays_on_the_sphere_and_goes_at_its_speed() -> None:
    """2 rad/s for 0.05 s are 0.1 rad."""
    walk = LatentWalk(64, speed=2.0, seed=0)
    for _ in range(200):
        before = walk.now
        walk.walk(0.05)
        assert np.linalg.norm(walk.now) == pytest.approx(1.0)
        assert np.arccos(before @ walk.now) == pytest.approx(0.1, abs=1e-6)


def test_it_comes_far_from_where_it_began() -> None:
    walk = LatentWalk(8, speed=1.0, seed=0)
    began = walk.now
    nearest = 1.0
    for _ in range(500):
        walk.walk(0.02)
        nearest = min(nearest, float(began @ walk.now))
    assert nearest < 0.3


def test_sliders_set_the_first_numbers_and_the_length_is_1() -> None:
    walk = LatentWalk(3, seed=0)
    walk.set((0.0, 0.0, 0.0))
    assert np.linalg.norm(walk.now) == pytest.approx(1.0)
    walk.set((3.0, 4.0, 0.0))
    assert walk.now.tolist() == pytest.approx([0.6, 0.8, 0.0])
    kept = walk.now[2]
    walk.set((1.0,))
    assert walk.now[2] == kept and walk.now[0] > 0.7
