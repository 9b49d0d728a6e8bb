"""The latent of the page: a walk stays on the sphere, and goes as far as its speed says."""

from __future__ import annotations

from unittest.mock import MagicMock

import numpy as np
import pytest

pytest.importorskip("viser", reason="the web viewer is optional: pip install -e '.[viewer]'")

from rlkit.media.viewers.web.latents import LatentControls, LatentWalk


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
    walk.set((1.0,))
    assert walk.now.tolist() == pytest.approx([17**-0.5, 4 * 17**-0.5, 0.0])


def test_a_slider_that_is_dragged_leaves_the_numbers_without_sliders_as_they_are() -> None:
    """Many events, the last of which puts the first number where the first of them did: the same latent."""
    walk = LatentWalk(64, seed=0)
    first = walk.now[:16].tolist()
    walk.set((0.5, *first[1:]))
    wanted = walk.now
    for event in range(50):
        walk.set((0.01 * event, *first[1:]))
    walk.set((0.5, *first[1:]))
    assert walk.now == pytest.approx(wanted)
    assert np.linalg.norm(walk.now[16:]) > 0.5


def test_what_is_held_is_told_for_the_env_that_is_shown() -> None:
    controls = LatentControls(MagicMock(), 4, lambda: None)
    assert controls.asked(0.02, 0) == () and controls.asked(0.02, 0) is None
    controls.choose("held")
    held = controls.asked(0.02, 0)
    assert held is not None and controls.asked(0.02, 0) is None
    assert controls.asked(0.02, 1) == held and controls.asked(0.02, 1) is None
