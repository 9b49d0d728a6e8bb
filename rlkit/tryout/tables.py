"""The tables of `rlkit try`, as plain lines that no terminal cuts."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

import torch

from rlkit.numbers import number, percent
from rlkit.tryout.tally import Spread, Tally

Row = Sequence[str]


def lines(tally: Tally, weights: Mapping[str, float]) -> Iterator[str]:
    """All there is to tell. weights: of the reward terms, by name."""
    yield from rewards(tally, weights)
    yield from endings(tally)
    yield from observations(tally)
    yield from actions(tally)
    if not tally.steps:
        return
    rates, envs = tally.rates(), tally.spec.num_envs
    yield ""
    yield (
        f"{rates['env_steps_per_s']:,.0f} env-steps/s with {envs} envs, each at {_number(rates['real_time'])} times"
        f" real time; {percent(rates['physics'])} of a step is physics"
    )


def rewards(tally: Tally, weights: Mapping[str, float]) -> Iterator[str]:
    """Of each term: its mean without weight; with it mean, least and greatest of a step, mean of an episode, share."""
    head = ("reward", "weight", "unweighted", "mean", "least", "greatest", "an episode", "share")
    reward, shares, rows = tally.reward, tally.shares, []
    returns = tally.returns.mean.tolist() if tally.episodes.done else [None] * len(tally.term_names)
    for k, name in enumerate(tally.term_names):
        low, mean, high = (float(part[k]) for part in (tally.terms.low, tally.terms.mean, tally.terms.high))
        weight = weights.get(name, 1.0)
        plain = "" if name == tally.ENDING else _number(mean / weight)
        shown = "" if name == tally.ENDING else _number(weight)
        note = "always 0" if low == high == 0.0 else "always the same" if low == high else ""
        row = (name, shown, plain, _number(mean), _number(low), _number(high), _number(returns[k]))
        rows.append((*row, percent(shares[name]), note))
    total = None if not tally.episodes.done else tally.episodes.results(1.0)["return"]["mean"]
    parts = (reward.mean, reward.low, reward.high)
    rows.append(("reward", "", "", *(_number(float(part[0])) for part in parts), _number(total), "", ""))
    yield from _table((*head, ""), rows)


def endings(tally: Tally) -> Iterator[str]:
    """How many episodes each criterion ended, and how long they were."""
    episodes = tally.episodes.table(tally.spec.control_period) if tally.episodes.done else []
    yield ""
    if not episodes:
        yield "no episode has ended yet"
        return
    criteria = [name for name in episodes[0] if name.startswith(("success/", "failure/"))]
    counted = [("success", [row for row in episodes if row["success"]])]
    counted += [(f"  {name}", [row for row in episodes if row[name]]) for name in criteria]
    counted.append(("time-out", [row for row in episodes if row["timeout"]]))
    counted.append(("all", episodes))
    rows = [(name, *_of_episodes(rows, len(episodes))) for name, rows in counted]
    yield from _table(("ending", "episodes", "share", "steps", "seconds", "return"), rows)


def _of_episodes(rows: list[dict[str, Any]], total: int) -> Row:
    if not rows:
        return ("0", "", "", "", "")
    lengths = [row["length"] for row in rows]
    steps = f"{min(lengths)}" if min(lengths) == max(lengths) else f"{min(lengths)} to {max(lengths)}"
    means = (sum(row[name] for row in rows) / len(rows) for name in ("seconds", "return"))
    return (str(len(rows)), percent(len(rows) / total), steps, *map(_number, means))


def observations(tally: Tally) -> Iterator[str]:
    """Of each observation term: the least, greatest, mean and standard deviation of its numbers."""
    seen, at, rows = tally.observations, 0, []
    terms = tally.spec.number_terms or (("observation", len(seen.low)),)
    for name, size in terms:
        part = slice(at, at + size)
        spread = (
            seen.low[part].min(),
            seen.high[part].max(),
            seen.mean[part].nanmean(),
            seen.std[part].nanmean(),
        )
        numbers = [_number(float(value)) for value in spread]
        rows.append((name, str(size), *numbers, _flags(seen, part)))
        at += size
    yield ""
    yield from _table(("observation", "numbers", "least", "greatest", "mean", "std", ""), rows)


def _flags(seen: Spread, part: slice) -> str:
    """What should be looked at in a term's numbers."""
    same = (seen.low[part] == seen.high[part]).sum().item()
    size, found = len(seen.low[part]), []
    if same:
        found.append("constant" if same == size else f"{same} of {size} constant")
    if seen.bad[part].any():
        found.append(f"NaN or Inf: {int(seen.bad[part].sum())} times")
    return ", ".join(found)


def actions(tally: Tally) -> Iterator[str]:
    """How far actions went, which of them stood at an end, and which commands at an end of their range."""
    seen, envs = tally.actions, tally.spec.num_envs
    yield ""
    ends = torch.stack((seen.low.min(), seen.high.max())).tolist()
    yield (
        f"actions: {tally.spec.num_actions}, from {_number(ends[0])} to {_number(ends[1])},"
        f" {percent(float(tally.saturated.mean()) / (tally.seen * envs))} of them at -1 or 1"
    )
    limits = [
        (often / (tally.steps * envs), name)
        for name, often in zip(tally.env.actuators, tally.at_limit.tolist())
        if often
    ]
    if limits:
        most = sorted(limits, key=lambda pair: -pair[0])[:6]
        more = f" and {len(limits) - len(most)} more" if len(limits) > len(most) else ""
        told = ", ".join(f"{name} {percent(share)}" for share, name in most)
        yield f"commands at an end of their range: {told}{more}"


def _number(value: float | None) -> str:
    """As everywhere, without the dust of float32."""
    return number(None if value is None else round(value, 6))


def _table(head: Row, rows: Sequence[Row]) -> list[str]:
    """The first and last columns to the left, the others to the right; none is cut."""
    table = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(row[k]) for row in table) for k in range(len(head))]
    shown = []
    for row in table:
        cells = [
            f"{cell:<{width}}" if k == 0 or not head[k] else f"{cell:>{width}}"
            for k, (cell, width) in enumerate(zip(row, widths))
        ]
        shown.append("  ".join(cells).rstrip())
    return shown
