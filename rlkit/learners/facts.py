"""What is known of each learner without importing its library: a row each. No torch is imported here.

Of a learner that is not rlkit's the row is read from the source of its module: what it has of the learner of ours that
its class is built on, and what a line `FACTS = LearnerFacts(several_ranks=True)` beside the class says.
"""

from __future__ import annotations

import ast
import importlib
from dataclasses import Field, dataclass, field, fields, make_dataclass, replace
from typing import Any, Mapping

from rlkit.plugins import modules
from rlkit.plugins.source import keywords, lineage


@dataclass(frozen=True)
class LearnerFacts:
    """A learner as the rest of rlkit knows it; a row need only say what is not as usual.

    label: its class, in the module `learner` of `package`, and the end of the names of its train files, as in
    BoxGraspingPPO. package: its module `settings` declares `Settings`, without torch. on_cpu: settings that training
    may use, some of them on a GPU alone, and a look at the policy on a CPU does not. eval_interval [iterations]: how
    rarely training evaluates at most; None: as the task and the cost suggest. several_ranks: whether processes can
    train one policy together. gpu_pays: it learns so much for each step that a GPU pays even where every step is copied
    to it. teacher: the setting that names the run whose policy it learns from, and whose observations are its group
    `teacher`.
    images: whether its networks take images among the observations.
    code: module:Class of one that is not rlkit's, whose module has or imports `Settings`; like: the learner of ours
    that it is built on.
    """

    label: str = ""
    package: str = ""
    on_cpu: Mapping[str, Any] = field(default_factory=dict)
    eval_interval: int | None = None
    several_ranks: bool = False
    gpu_pays: bool = False
    teacher: str = ""
    images: bool = False
    code: str = ""
    like: str = ""

    def settings(self) -> tuple[Field[Any], ...]:
        """The settings that it declares; `rlkit.learners.settings.setting` says what is in their metadata."""
        if self.code:
            module = self.code.partition(":")[0]
            own = _declared(module)
            if not self.like and "horizon_length" not in [field.name for field in own]:
                raise modules.CodeError(
                    f"{self.code}: {module} neither has nor imports a class Settings(LearnerSettings), which declares"
                    " the settings of the learner, as docs/learners.md shows"
                )
            return own or LEARNERS[self.like].settings()
        return fields(importlib.import_module(f"{self.package}.settings").Settings)

    def groups(self) -> tuple[str, ...]:
        """The observation groups that its class asks for (`Learner.groups`), read from the source; none where they are
        not written out there, and only the learner itself can tell."""
        module, _, cls = (self.code or f"{self.package}.learner:{self.label}").partition(":")
        for source in lineage(module, cls):
            for node in source.definition.body:
                targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
                value = getattr(node, "value", None)
                if value is None or "groups" not in [getattr(target, "id", "") for target in targets]:
                    continue
                try:
                    return tuple(ast.literal_eval(value))
                except ValueError:
                    return ()
        return ()


_PPO = {"mixed_precision": False, "torch_compile": False}
_OFF_POLICY = {
    "amp": False, "compile": False, "cuda_graph": False, "buffer_device": "auto", "overlap": False,
}  # fmt: skip
_STYLE = {**_PPO, "replay_size": 1, "replay_keep": 1}

# `train.learner` -> its row.
LEARNERS = {
    "ppo": LearnerFacts(
        label="PPO", package="rlkit.learners.ppo", on_cpu=_PPO, several_ranks=True, images=True
    ),
    "amp": LearnerFacts(
        label="AMP", package="rlkit.learners.ppo.style", like="ppo", on_cpu=_STYLE, several_ranks=True
    ),
    "add": LearnerFacts(
        label="ADD", package="rlkit.learners.ppo.style.add", like="amp", on_cpu=_STYLE, several_ranks=True
    ),
    "ase": LearnerFacts(
        label="ASE", package="rlkit.learners.ppo.style.ase", like="amp", on_cpu=_STYLE, several_ranks=True
    ),
    "fast_td3": LearnerFacts(
        label="FastTD3",
        package="rlkit.learners.fast_td3",
        on_cpu=_OFF_POLICY,
        eval_interval=50,
        several_ranks=True,
        gpu_pays=True,
    ),
    "fast_sac": LearnerFacts(
        label="FastSAC",
        package="rlkit.learners.fast_sac",
        on_cpu=_OFF_POLICY,
        eval_interval=50,
        several_ranks=True,
        gpu_pays=True,
    ),
    "flash_sac": LearnerFacts(
        label="FlashSAC",
        package="rlkit.learners.fast_sac.flash",
        on_cpu=_OFF_POLICY,
        eval_interval=50,
        several_ranks=True,
        gpu_pays=True,
    ),
    "distill": LearnerFacts(
        label="Distill", package="rlkit.learners.distill", teacher="teacher", several_ranks=True
    ),
    "masked_mimic": LearnerFacts(
        label="MaskedMimic", package="rlkit.learners.distill.masked", teacher="expert", several_ranks=True
    ),
}

NETWORKS = ("mlp", "layer_norm", "simba", "flash")
"""The networks of ours, by `train.network`; any other is a class of somebody else's."""


def learner_facts(name: str) -> LearnerFacts | None:
    """The row of a learner, of ours or of others by module:Class or entry point; None where it is not here."""
    return LEARNERS.get(name) or _of_others(name)


def _of_others(name: str) -> LearnerFacts | None:
    code = modules.resolved("rlkit.learners", name)
    module, _, cls = (code or "").partition(":")
    classes = list(lineage(module, cls)) if code else []
    if code is None or not classes:
        return None
    ours = {(f"{row.package}.learner", row.label): name for name, row in LEARNERS.items()}
    like = next((ours[key] for key in ((c.name, c.definition.name) for c in classes) if key in ours), "")
    row = LEARNERS[like] if like else LearnerFacts(cls, module)
    return replace(
        row, **modules.known(LearnerFacts, keywords(module, "FACTS")), label=cls, code=code, like=like
    )


def _declared(module: str) -> tuple[Field[Any], ...]:
    """The fields of the `Settings` that a module has or imports, read from the source."""
    found: dict[str, Any] = {}
    for source in reversed(list(lineage(module, "Settings"))):
        for node in source.definition.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = _setting(node, source.path)
    return fields(make_dataclass("Settings", [(name, Any, line) for name, line in found.items()]))


def _setting(node: ast.AnnAssign, path: object) -> Any:
    from rlkit.learners.settings import setting

    try:
        return setting(*map(ast.literal_eval, getattr(node.value, "args", ())))
    except (ValueError, TypeError) as error:
        raise modules.CodeError(
            f"{path}, line {node.lineno}: a setting of a learner is written as"
            ' name: float = setting("float > 0", "s", "what it means"): three texts, which are read without running it'
        ) from error


def train_file(task: str, learner: str) -> str:
    """The train file of a task for a learner, as BoxGraspingPPO; without an end for a learner that there is none of."""
    row = learner_facts(learner)
    return task + ("" if row is None else row.label)


def on_cpu(learner: str) -> Mapping[str, Any]:
    """What a look at its policy on a CPU changes of the train settings; nothing of a learner that there is none of."""
    row = learner_facts(learner)
    return {} if row is None else row.on_cpu
