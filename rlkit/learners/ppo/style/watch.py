"""Warnings that help: signs in an iteration's metrics that the style is not learnt, and what to change."""

from __future__ import annotations

from typing import Mapping

from rlkit.learners.ppo.style.settings import Settings

SURE = 0.99  # accuracy from which the discriminator tells everything apart
NO_REWARD = 0.05  # style's reward below which there is nothing to follow; undecided it is 0.69
STANDS = 0.3  # of the data's spread: a policy that varies less hardly moves
EARLY = 30  # iterations in which anything may still come


def warnings(settings: Settings, iteration: int, metrics: Mapping[str, float]) -> dict[str, str]:
    """Kind of trouble -> message."""
    if iteration < EARLY:
        return {}
    found: dict[str, str] = {}
    accuracy = min(metrics["style/accuracy_data"], metrics["style/accuracy_policy"])
    if accuracy > SURE and metrics["style/reward"] < NO_REWARD:
        found["saturated"] = (
            f"the discriminator tells everything apart (accuracy {accuracy:.2f}) and rewards nothing (style reward "
            f"{metrics['style/reward']:.3f}), so there is nothing to follow: try "
            f"train.disc_gradient_penalty={2.0 * settings.disc_gradient_penalty or 5.0:g} or "
            f"train.disc_learning_rate={settings.disc_learning_rate / 3.0:.2g}"
        )
    if metrics.get("style/spread", 1.0) < STANDS:  # of differences there is none
        found["stands"] = (
            f"the policy varies by {metrics['style/spread']:.0%} of what the data does: it hardly moves; try "
            f"train.sigma_init={min(2.0, settings.sigma_init + 0.5):g} (more exploration), a smaller "
            "train.task_weight, or clips without long stands"
        )
    return found
