from __future__ import annotations

import re

import numpy as np
import pytest

from rlkit.numbers import number
from rlkit.report.charts import Chart, figure, ticks, x_scale, y_range
from rlkit.report.lines import Line
from rlkit.report.markup import element, join
from rlkit.report.metrics import AXES
from rlkit.report.pictures import write_pictures


def chart(*lines: Line, **options) -> Chart:
    return Chart("Return", {axis: list(lines) for axis in AXES}, **options)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1234567.0, "1,230,000"), (0.00012345, "0.000123"), (-12.5, "-12.5"), (99.999, "100"),
     (float("nan"), "–"), (None, "–"), (1e-30, "1e-30"), (56.25, "56.2"), (671.72, "672")],
)  # fmt: skip
def test_numbers_for_people(value, text):
    assert number(value) == text
    assert number(12345.0, 5) == "12,345"  # what is counted keeps its digits


def test_ticks_are_round():
    assert ticks(0.0, 1.0) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(-3.0, 17.0) == pytest.approx([0, 5, 10, 15])
    assert ticks(2.0, 2.0) == [2.0]


def test_units_of_axes():
    assert x_scale("wall_time", 100).unit == "s"
    assert x_scale("wall_time", 600) == (60, "min")
    assert x_scale("wall_time", 9000) == (3600, "h")
    assert x_scale("env_steps", 5e6) == (1e6, "million")
    assert x_scale("iteration", 500) == (1, "")


def test_points_lie_where_their_numbers_are():
    """Frame: x from 54 to 500, y from 8 (share 1) to 204 (share 0)."""
    drawn = figure(chart(Line("a", np.array([0.0, 50.0, 100.0]), np.array([0.0, 0.5, 1.0])), share=True))
    points = re.findall(r'<polyline points="([^"]*)" class="curve"', drawn)[1:]  # the first is the legend's
    assert points == ["54.0,204.00 277.0,106.00 500.0,8.00"] * 3
    assert 'data-x="0 100 env steps"' in drawn
    assert 'data-y="0 100 %"' in drawn


def test_rare_extremes_do_not_flatten_the_rest():
    y = np.full(200, 1.0) + np.linspace(0, 0.5, 200)
    y[0] = 1000.0
    shown = chart(Line("a", np.arange(200.0), y))
    assert y_range(shown).high < 2
    assert y_range(shown).cut
    assert "rare extremes cut off" in figure(shown)
    y[0] = 1.0
    assert "rare extremes cut off" not in figure(chart(Line("a", np.arange(200.0), y)))


def test_a_constant_and_a_single_point_are_drawn():
    for values in ([3.0, 3.0], [0.0, 0.0], [-5.0], [1e12]):
        x = np.arange(float(len(values)))
        drawn = figure(chart(Line("a", x, np.array(values))))
        assert "nan" not in drawn.replace("nan</b>", "!")
        assert re.search(r'<polyline points="[^"]+,', drawn)


def test_a_chart_without_points_says_so():
    assert "No number yet" in figure(chart(Line("a", np.empty(0), np.empty(0))))


def test_text_and_attributes_are_escaped():
    assert (
        element("p", "<b>&", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;</p>'
    )
    assert join(["<", element("b", 1), None]) == "&lt;<b>1</b>"
    assert element("input", type="radio", checked=True, disabled=False) == '<input type="radio" checked>'


def test_the_legend_has_the_latest_number_of_each_axis():
    lines = [Line("a", np.arange(2.0), np.array([0.0, last])) for last in (0.25, 0.5, 1.0)]
    drawn = figure(Chart("Success", {axis: [line] for axis, line in zip(AXES, lines)}, share=True))
    assert '<b data-last="25 %|50 %|100 %">25 %</b>' in drawn


@pytest.mark.slow
def test_the_names_in_a_picture_stay_inside_of_it(tmp_path):
    from PIL import Image

    x = np.arange(1.0, 5.0)
    long = "train=HumanoidWalkPPO, training.maxIterations=600, training.evalInterval=40, sim.numThreads=1"
    (path,) = write_pictures([chart(Line(f"A: {long}", x, x), Line(f"B: {long}", x, 2 * x))], tmp_path)
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    assert (pixels[:, -8:] == 255).all() and (pixels[-8:] == 255).all(), "ink at the edge"
    assert (pixels[-160:] < 128).any(axis=1).sum() > 60, "the names are there"
