from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlkit.config.schema import keys, types
from rlkit.config.schema.spelling import camel, snake
from rlkit.config.words import values

FITS = [
    ("int >= 1", [1, 10**9], [0, 1.0, True, "1", None]),
    ("int in [1, 3] or auto", [1, 3, "auto"], [4, "Auto"]),
    ("float in (0, 1]", [1, 0.1], [0, 0.0, 1.1, float("nan"), "0.1"]),
    ("float in [0, 1)", [0, 0.99], [1]),
    ("float < 0", [-1], [0]),
    ("bool or null", [True, None], [1, "true"]),
    ("path or null", ["a", None], ["", 3]),
    ("a|b", ["a", "b"], ["c", "a|b"]),
    ("auto or cuda:N", ["auto", "cuda:0", "cuda:12"], ["cuda:", "cuda:x", "cuda"]),
    ("list of int >= 1", [[1], (1, 2)], [[], [0], 1, "1"]),
    ("[] or list of text", [[], ["a"], ()], ["a", None, [1], [""]]),
    ("any", [1, "a", None, [1], {}], []),
    ("list of 2 float", [[1, 2.5]], [[1.0], [1.0, 2.0, 3.0]]),
]


@pytest.mark.parametrize(("spec", "good", "bad"), FITS, ids=[spec for spec, _, _ in FITS])
def test_a_type_takes_what_it_says(spec, good, bad):
    assert [types.problem(spec, value) for value in good] == [None] * len(good)
    assert all(types.problem(spec, value) for value in bad)


def test_the_type_of_an_undescribed_setting_is_that_of_its_value():
    assert types.spec_of(2) == "int"
    assert types.spec_of(2.0) == "float"
    assert types.spec_of(True) == "bool"
    assert types.spec_of([0, 0.5, 1]) == "list of 3 float"
    assert types.spec_of(["a", "b"]) == "list of text"


def test_whole_numbers_become_floats_where_a_float_is_meant():
    assert repr(types.coerce("float > 0", 1)) == "1.0"
    assert types.coerce("int >= 1", 1) == 1
    assert repr(types.coerce("list of 2 float", [1, 2])) == "[1.0, 2.0]"


def test_one_text_where_a_list_is_meant_is_told_its_brackets():
    assert str(types.problem("[] or list of text", "A-v0")).endswith("write [A-v0]")


def test_every_line_of_the_schema_is_readable():
    learners = [key for lines in keys.LEARNER_KEYS.values() for key in lines]
    for key in (*keys.COMMON_KEYS, *learners):
        types.problem(key.type, 1)
        types.problem(key.type, [1])
        assert key.meaning, key.name


@pytest.mark.parametrize("name", ["numEnvs", "torchDeterministic", "seed", "lsIterations", "logLevel"])
def test_spellings_turn_into_each_other(name):
    assert camel(snake(name)) == name


# fmt: off
LIKELY = st.sampled_from(
    [
        "1", "-1", "+3", "0", "007", "1_000", "1.", ".5", "1e3", "1e-3", "-1.5e+4", "inf", "nan",
        "true", "False", "null", "Null", "abc", "a/b", "'ab'", '"x"', "[1,2]", "[a,[1,2]]", "[]",
        "cuda:0", "1.2.3", "1e", "runs/x.pth", "a-b", "a@b", "3d", "1,2",
    ]
)
# fmt: on


@given(LIKELY)
def test_values_read_as_hydra_reads_them(text):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        override = OverridesParser.create().parse_override(f"key={text}")
    if override.is_sweep_override():
        assert len(values.split(text)) > 1
        return
    ours, theirs = values.parse(text), override.value()
    assert repr(ours) == repr(theirs)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_quoted_text_comes_through_hydra_unchanged(text):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    if (
        text.strip() != text
        or values.parse(text) is None
        or values.parse(text) is values.UNREAD
        or "$" in text
    ):
        return
    if text[0] == text[-1] and text[0] in "'\"":
        return  # already quoted by the user
    override = OverridesParser.create().parse_override("key=" + values.quote(text, path=False))
    assert override.value() == text


def test_a_class_with_dots_alone_is_told_where_the_colon_goes():
    assert str(types.problem("class", "a.b.Cd")).endswith("a class is written behind a colon: a.b:Cd")
    assert "behind a colon" not in str(types.problem("fast|slow", "a.b.Cd"))
    assert types.problem("class", "a.b:Cd") is None
