"""What Optuna may choose from, made of Hydra's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, Sequence

from rlkit.config.sweep import Spread, Words
from rlkit.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def searched(settings: Sequence[Spread]) -> list[Spread]:
    """The settings that have more than one value. Raises ConfigError where there are none, or an interval is none."""
    found = [setting for setting in settings if setting.interval or len(setting.values) > 1]
    if not found:
        raise ConfigError(
            "hydra/sweeper=optuna: there is nothing to search; give a setting several values, as"
            " 'train.learning_rate=tag(log, interval(1e-5, 1e-2))'"
        )
    for setting in found:
        low, high = (float(setting.values[0]), float(setting.values[-1])) if setting.interval else (0.0, 1.0)
        if low >= high or (setting.log and setting.interval and low <= 0.0):
            needs = "two ends, the first one less" + (" and above 0, for a logarithm" if setting.log else "")
            raise ConfigError(f"{setting.key}=interval({','.join(setting.values)}): needs {needs}")
    return found


def distributions(settings: Sequence[Spread]) -> dict[str, BaseDistribution]:
    """What Optuna calls them, by key: intervals and ranges are numbers, everything else a choice of words."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for setting in settings:
        ends = (
            sorted(float(value) for value in (setting.values[0], setting.values[-1]))
            if _is_number(setting)
            else []
        )
        if not ends:
            found[setting.key] = CategoricalDistribution(setting.values)
        elif _is_whole(setting):
            step = 1 if setting.step is None else int(abs(setting.step))
            found[setting.key] = IntDistribution(
                int(ends[0]), int(ends[1]), log=setting.log and step == 1, step=step
            )
        else:
            step = None if setting.step is None else abs(setting.step)
            found[setting.key] = FloatDistribution(*ends, log=setting.log and step is None, step=step)
    return found


def words_of(settings: Sequence[Spread], chosen: Mapping[str, object]) -> Words:
    """The words of a job: of what is searched the chosen values, of the others their only one."""
    return tuple(f"{s.key}={_text(chosen[s.key])}" if s.key in chosen else s.words()[0] for s in settings)


def corners(settings: Sequence[Spread]) -> list[Words]:
    """Jobs in which every choice, and both ends of every interval and range, stand once: what a check looks at."""
    first = {setting.key: setting.values[0] for setting in settings}
    found = [words_of(settings, first)]
    for setting in settings:
        others = setting.values[-1:] if _is_number(setting) else setting.values[1:]
        found += [words_of(settings, {**first, setting.key: value}) for value in others]
    return list(dict.fromkeys(found))


def _is_number(setting: Spread) -> bool:
    return setting.interval or setting.step is not None


def _is_whole(setting: Spread) -> bool:
    whole = all("." not in value and "e" not in value for value in setting.values)
    return setting.whole or (setting.step is not None and whole)


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
