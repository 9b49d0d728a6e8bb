"""What logLevel=debug tells of the envs and the learner before the first iteration: sizes, terms, draws, buffers."""

from __future__ import annotations

import logging
from typing import Any, Iterable, Iterator, Mapping

from rlkit.config import Experiment
from rlkit.env.api import VecEnv
from rlkit.learners.api import Learner

log = logging.getLogger("rlkit")


def describe(experiment: Experiment, env: VecEnv, learner: Learner) -> None:
    """Log it; nothing is computed where nobody wants to know."""
    if log.isEnabledFor(logging.DEBUG):
        for line in (*env_lines(experiment, env), *learner.describe()):
            log.debug("%s", line)


def env_lines(experiment: Experiment, env: VecEnv) -> Iterator[str]:
    """Of the envs, as they stand after their reset."""
    spec = env.spec
    longest = spec.max_episode_length
    yield f"envs: {spec.num_envs} of {spec.task}, {spec.control_period:g} s a step, at most {longest} steps"
    for group, terms in spec.observation_terms.items():
        unit = "bytes" if spec.of_bytes(group) else "numbers"
        yield f"{group} observation: {spec.obs_sizes[group]} {unit}: {_sized(terms)}"
    for name, image in spec.images.items():
        yield f"{name} is an image {image}"
    yield f"actions: {spec.num_actions}: {', '.join(spec.action_names)}"
    weights = experiment.task.get("rewardWeights", {})
    if spec.reward_terms:
        yield f"reward: {', '.join(f'{term} {weights.get(term, 1.0):g}' for term in spec.reward_terms)}"
    for kind, names in (("success", spec.success_criteria), ("failure", spec.failure_criteria)):
        if names:
            yield f"{kind}: {', '.join(names)}"
    if env.contact_room:
        yield f"contacts: room for {env.contact_room} in each env"
    yield from _draws(experiment.task.get("randomization", {}), env)


def _draws(asked: Mapping[str, Any], env: VecEnv) -> list[str]:
    """What the envs have drawn of each randomised quantity."""
    if not env.resumable:
        return []
    found = []
    for name, state in sorted(env.state().get("randomization", {}).items()):
        share = state.get("share") if isinstance(state, dict) else None
        if share is None:
            found.append(f"randomisation of {name}")
            continue
        low, high = asked[name]["range"]
        drawn = low + (high - low) * share
        found.append(
            f"randomisation of {name}: {drawn.min():.3g} to {drawn.max():.3g} drawn in {len(share)} envs,"
            f" of {low:g} to {high:g}"
        )
    return found


def _sized(terms: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {size}" for name, size in terms)
