"""Patches by hand: their heights along a line through the middle, and how parameters follow the level."""

from __future__ import annotations

import numpy as np
import pytest
from known_terrain import SMALL, of_kind

from rlkit.terrain.field import height_field
from rlkit.terrain.kinds import patch
from rlkit.terrain.settings import KINDS

MIDDLE = 20  # of the points of a patch of 4 m, 10 cm apart


def heights(kind: str, difficulty: float) -> np.ndarray:
    return patch(kind, SMALL, difficulty, np.random.default_rng(0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_patch_is_0_at_its_edges_and_the_same_again(kind: str) -> None:
    first = heights(kind, 0.7)
    assert first.shape == (41, 41)
    assert not first[0].any() and not first[-1].any() and not first[:, 0].any() and not first[:, -1].any()
    np.testing.assert_array_equal(first, heights(kind, 0.7))


def test_a_slope_rises_to_its_platform_and_the_pit_is_its_image() -> None:
    line = heights("slope_up", 0.5)[MIDDLE]  # a rise of 0.25 per metre, 1.5 m long
    assert line[:16] == pytest.approx(0.25 * 0.1 * np.arange(16))
    assert line[15:26] == pytest.approx(0.375)  # the platform: 1 m
    assert line == pytest.approx(line[::-1])
    np.testing.assert_array_equal(heights("slope_down", 0.5), -heights("slope_up", 0.5))


def test_stairs_have_treads_of_30_cm_and_steps_by_level() -> None:
    line = heights("stairs_up", 0.5)[MIDDLE]  # steps of 10 cm
    assert line[:15] == pytest.approx([0.0] * 3 + [0.1] * 3 + [0.2] * 3 + [0.3] * 3 + [0.4] * 3)
    assert line[15:26] == pytest.approx(0.5)
    np.testing.assert_array_equal(heights("stairs_down", 0.5), -heights("stairs_up", 0.5))


def test_stones_lie_in_rows_around_the_platform() -> None:
    line = heights("stones", 1.0)[MIDDLE]  # stones of 0.6 m, 0.4 m apart, 0.4 m high
    around = line[MIDDLE:]
    assert around[:6].tolist() == [0.0] * 6  # the platform goes on for 0.5 m
    assert around[6] == pytest.approx(-0.4)
    assert around[7:14].tolist() == [0.0] * 7  # a stone from 0.7 to 1.3 m
    assert around[14:17] == pytest.approx(-0.4)


def test_noise_is_within_its_height_and_straight_between_drawn_points() -> None:
    found = heights("rough", 1.0)
    assert 0.04 < found.max() <= 0.05 and -0.05 <= found.min() < -0.04
    inner = found[2:-2, 2:-2]
    assert inner[1::2, ::2] == pytest.approx((inner[:-1:2, ::2] + inner[2::2, ::2]) / 2)
    assert np.abs(heights("rough", 0.0)).max() <= 0.02


def test_the_field_holds_a_row_a_level_and_a_column_a_kind() -> None:
    field = height_field(SMALL)
    assert field.heights.shape == (7 * 40 + 21, 2 * 40 + 21)
    assert field.corner == pytest.approx((-3.0, -3.0)) and field.origins.shape == (2, 7, 3)
    assert field.origins[0, 0].tolist() == [0.0, 0.0, 0.0]
    stairs = KINDS.index("stairs_up")
    assert field.origins[1, stairs] == pytest.approx([4.0, 4.0 * stairs, 5 * 0.15])
    middle = field.heights[10 + 40 * stairs + 20, 10 + 40 + 20]
    assert middle == pytest.approx(0.75)
    assert not field.heights[:10].any() and not field.heights[:, :10].any()  # the border


def test_the_world_begins_on_the_ground_of_the_first_patch() -> None:
    field = height_field(of_kind("slope_up"))
    assert field.origins[0, 0].tolist() == [0.0, 0.0, 0.0]
    assert field.heights[30, 30] == 0.0 and field.heights[0, 0] == pytest.approx(-0.15)


def test_a_robot_begins_at_the_highest_point_below_it() -> None:
    field = height_field(of_kind("rough", levels=2))
    for level in range(2):
        x, y, z = field.origins[level, 0]
        row, column = round((y - field.corner[1]) / 0.1), round((x - field.corner[0]) / 0.1)
        around = field.heights[row - 4 : row + 5, column - 4 : column + 5]
        assert z == pytest.approx(around.max(), abs=1e-6)


def test_other_columns_leave_a_patch_as_it_is() -> None:
    few, many = height_field(of_kind("flat", 2)), height_field(SMALL)
    assert few.origins[1, 0].tolist() == many.origins[1, 0].tolist()
