"""Settings from environment variables: used by the run, and named instead of stored."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, changed, compose, from_yaml

GYM = ["task=Gym", "env.id=Pendulum-v1", "device=cpu"]


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    monkeypatch.setenv("SECRET", "hunter2")
    monkeypatch.setenv("COUNT", "3")


def test_the_value_is_used_and_its_variable_is_stored(monkeypatch):
    words = [
        *GYM,
        "+env.kwargs.a='${oc.env:SECRET}'",
        "+env.kwargs.b='${env.kwargs.a}/x'",
        "+env.kwargs.c=plain",
    ]
    experiment = compose(words)
    assert dict(experiment.env.kwargs) == {"a": "hunter2", "b": "hunter2/x", "c": "plain"}
    text = experiment.to_yaml()
    assert "hunter2" not in text
    assert "a: ${oc.env:SECRET}" in text and "b: ${env.kwargs.a}/x" in text
    assert from_yaml(text) == experiment
    assert from_yaml(text).to_yaml() == text
    monkeypatch.setenv("SECRET", "changed")
    assert dict(from_yaml(text).env.kwargs) == {"a": "changed", "b": "changed/x", "c": "plain"}
    assert "changed" not in from_yaml(text).to_yaml()
    monkeypatch.delenv("SECRET")
    with pytest.raises(ConfigError, match=r"env.kwargs.a: .*SECRET is not set; write SECRET="):
        from_yaml(text)
    with pytest.raises(ConfigError, match=r"SECRET is not set; write SECRET="):
        compose(["task=Gym", "env.id=A-v0", "+env.kwargs.a='${oc.env:SECRET}'"])


def test_numbers_lists_and_defaults_come_back_too():
    words = [
        "task=BaseTask",
        "device=cpu",
        "numEnvs='${oc.decode:${oc.env:COUNT}}'",
        "train.units=['${oc.decode:${oc.env:COUNT}}',8]",
        "logging.experimentName='${oc.env:NO_SUCH,fallback}'",
    ]
    experiment = compose(words)
    assert experiment.env.num_envs == 3
    assert experiment.train["units"] == (3, 8)
    text = experiment.to_yaml()
    assert "numEnvs: ${oc.decode:${oc.env:COUNT}}" in text
    assert "experimentName: ${oc.env:NO_SUCH,fallback}" in text
    assert from_yaml(text) == experiment
    assert changed(experiment, {"training.maxIterations": 5}).stored()["env"]["numEnvs"].startswith("${")


def test_what_auto_made_of_a_value_is_stored_as_it_was_made(monkeypatch):
    monkeypatch.setenv("SEED", "-1")
    experiment = compose(["task=BaseTask", "device=cpu", "seed='${oc.decode:${oc.env:SEED}}'"])
    assert experiment.training.seed >= 0
    assert from_yaml(experiment.to_yaml()).training.seed == experiment.training.seed


def test_other_interpolations_are_stored_as_values():
    experiment = compose(["task=BaseTask", "device=cpu", "training.maxIterations='${training.seed}'"])
    assert experiment.training.max_iterations == 42
    assert "${" not in experiment.to_yaml().partition("composed:")[0]


def test_a_secret_that_was_typed_is_masked_and_asked_for_again():
    experiment = compose([*GYM, "+env.kwargs.api_key=abc123"])
    assert experiment.env.kwargs["api_key"] == "abc123"
    assert "abc123" not in experiment.to_yaml()
    assert from_yaml(experiment.to_yaml()).env.kwargs["api_key"] == "<masked>"
    with pytest.raises(ConfigError, match=r"env.kwargs.api_key: looked like a secret .* type it again"):
        compose([*GYM, "+env.kwargs.api_key='<masked>'"])


@pytest.mark.parametrize("value", ["${oc.env}", "${", "${env.id", "${env.kwargs.a}", "${oc.env:${env.id}}"])
def test_a_foreign_file_with_odd_interpolations_is_refused(value):
    text = compose([*GYM, "+env.kwargs.a='${oc.env:SECRET}'"]).to_yaml()
    with pytest.raises(ConfigError):
        from_yaml(text.replace("${oc.env:SECRET}", f"'{value}'"))


def test_the_summary_shows_no_secret(capsys):
    from rlkit.config.summary import print_summary

    print_summary(compose([*GYM, "+env.kwargs.a='${oc.env:SECRET}'", "+env.kwargs.password=abc"]))
    told = capsys.readouterr().out
    assert "hunter2" not in told and "abc" not in told
    assert "${oc.env:SECRET}" in told


def test_a_test_and_a_resume_take_the_value_of_their_own_moment(monkeypatch, tmp_path):
    from rlkit.config.words.inherit import read_base

    words = [
        *GYM,
        "+env.kwargs.a='${oc.env:SECRET}'",
        "+env.kwargs.b='${env.kwargs.a}/x'",
        "numEnvs='${oc.decode:${oc.env:COUNT}}'",
    ]
    file = tmp_path / "config.yaml"
    file.write_text(compose(words).to_yaml())
    monkeypatch.setenv("SECRET", "changed")
    monkeypatch.setenv("COUNT", "5")
    base = read_base(file)
    resumed = compose(["checkpoint=x", "device=cpu"], base=base)
    assert dict(resumed.env.kwargs) == {"a": "changed", "b": "changed/x"}
    assert resumed.env.num_envs == 5
    assert "changed" not in resumed.to_yaml() and "a: ${oc.env:SECRET}" in resumed.to_yaml()
    tested = compose(["test=true", "checkpoint=x", "device=cpu", "env.kwargs.a=typed"], base=base)
    assert dict(tested.env.kwargs) == {"a": "typed", "b": "typed/x"}
    assert "a: typed" in tested.to_yaml()


def test_a_foreign_file_resolves_nothing_but_environment_variables(tmp_path):
    from rlkit.config.words.inherit import read_base

    text = compose([*GYM, "+env.kwargs.a='${oc.env:SECRET}'", "+env.kwargs.b=text"]).to_yaml()
    file = tmp_path / "config.yaml"
    file.write_text(
        text.replace("b: text", "b: ${oc.env:COUNT}").replace("${oc.env:SECRET}", "${oc.create:[1]}")
    )
    composed = compose(["checkpoint=x", "device=cpu"], base=read_base(file))
    assert dict(composed.env.kwargs) == {"a": "${oc.create:[1]}", "b": "${oc.env:COUNT}"}, "text is text"


def test_a_recording_s_settings_take_the_value_of_their_own_moment(monkeypatch):
    from rlkit.env.api import EnvError
    from rlkit.env.gym.request import recipe_arguments

    stored = compose([*GYM, "+env.kwargs.a='${oc.env:SECRET}'", "+env.kwargs.b='${env.kwargs.a}/x'"]).stored()
    assert stored["env"]["kwargs"] == {"a": "${oc.env:SECRET}", "b": "${env.kwargs.a}/x"}
    monkeypatch.setenv("SECRET", "changed")
    assert recipe_arguments(stored["env"], stored["task"], ())["kwargs"] == {"a": "changed", "b": "changed/x"}
    monkeypatch.delenv("SECRET")
    with pytest.raises(EnvError, match="'SECRET' not found"):
        recipe_arguments(stored["env"], stored["task"], ())
