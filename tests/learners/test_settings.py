"""A learner's settings are declared once: as what checks read, and as what the learner is given."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from rlkit.config.schema import types
from rlkit.learners.facts import LEARNERS
from rlkit.learners.ppo.settings import Settings
from rlkit.learners.settings import read_settings

# A value of each Python type that an annotation may name, within every range, and of no other type.
EXAMPLES = {
    "int": 3,
    "float": 0.5,
    "bool": True,
    "tuple[int, ...]": (3, 4),
    "tuple[tuple[int, ...], ...]": ((3, 4, 5),),
    "None": None,
}


def test_settings_are_read_as_they_are_and_frozen(train):
    settings = read_settings(Settings, train(units=[8, 16], gamma=0.5))
    assert (settings.units, settings.gamma, settings.horizon_length) == ((8, 16), 0.5, 8)
    with pytest.raises(FrozenInstanceError):
        settings.gamma = 0.9  # type: ignore[misc]


def test_a_setting_that_nobody_gave_is_no_setting(train):
    section = train()
    del section["tau"]
    with pytest.raises(KeyError, match="tau"):
        read_settings(Settings, section)


@pytest.mark.parametrize("learner", LEARNERS)
def test_what_is_checked_is_what_is_annotated(learner: str):
    settings = LEARNERS[learner].settings()
    assert len(settings) > 15
    for setting in settings:
        spec, annotated = setting.metadata["type"], set(str(setting.type).split(" | "))
        if spec == "any":  # a section of names that somebody else reads
            assert annotated == {"Mapping[str, Any]"}
            continue
        fits = {python for python, value in EXAMPLES.items() if types.problem(spec, value) is None}
        fits -= {"int"} if "float" in fits else set()  # a whole number is a float too, and becomes one
        assert fits == annotated - {"str"}, setting.name
        # `auto` alone has become a value of another type before the learner is made
        assert "str" in annotated or set(types.words(spec)) <= {"true", "false", "null", "auto"}, setting.name
