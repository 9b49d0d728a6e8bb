"""The settings of one request: which names exist, their full spelling, what is near a misspelling."""

from __future__ import annotations

from functools import cached_property
from typing import Collection, Mapping, Sequence

from rlkit.config.schema import keys, types
from rlkit.config.schema.keys import Key
from rlkit.config.schema.learner_keys import learner_keys
from rlkit.config.schema.spelling import spellings
from rlkit.nearest import nearest


class Schema:
    """The schema lines that count for a request, with the keys that its YAML files declare.

    `declared` maps full names to the values in the YAML of the chosen task and its parents; an empty section there
    takes names of the user's. `own` are settings that a user's task declares under a name that rlkit's own tasks use
    for something else: their type is that of their value.
    """

    def __init__(
        self, learners: Sequence[str], declared: Mapping[str, object], own: Collection[str] = ()
    ) -> None:
        of_learners = [key for learner in learners for key in learner_keys(learner)]
        self._keys: dict[str, Key] = {}
        for key in (*keys.COMMON_KEYS, *of_learners):
            self._keys[key.name] = _either(self._keys.get(key.name), key)
        self._own = frozenset(own)
        empty = {name for name, value in declared.items() if value == {} and isinstance(value, dict)}
        self._declared = {name: value for name, value in declared.items() if name not in empty}
        of_task = any(name.startswith("task.") for name in declared)
        self._optional = [name for name in keys.OPTIONAL if of_task and name not in declared]
        self._open = [section for section in keys.OPEN if self._has(section)]
        self._open += [name for name in empty if f"{name}.*" not in self._keys]

    def of_learner(self, learner: str) -> Schema:
        """The same for one learner, where a sweep chooses between several."""
        empty = {section: {} for section in self._open if section.startswith("task.")}
        return Schema([learner], {**self._declared, **empty}, self._own)

    @property
    def names(self) -> list[str]:
        """Every setting that may be given, by its full name; of `task`, those that the task declares.

        A name that ends in `.*` stands for any name below that section.
        """
        fixed = [name for name in self._keys if not name.startswith("task.")]
        ours = [f"{section}.*" for section in self._open if section.startswith("task.")]
        return fixed + list(self._declared) + self._optional + ours

    def key(self, name: str) -> Key | None:
        """The schema line of a full name; None where only the YAML declares it, or nothing does."""
        if name in self._own:
            return None
        section = name.rpartition(".")[0] + ".*"
        return (
            self._keys.get(name) or self._keys.get(section) or self._keys.get(self._free_section(name) + ".*")
        )

    def type_of(self, name: str) -> str | None:
        """The type of a setting, None where no such setting exists."""
        key = self.key(name)
        if key is not None and (not name.startswith("task.") or name in self._declared or self.is_free(name)):
            return key.type
        if key is None and self.is_free(name):
            return "any"
        return types.spec_of(self._declared[name]) if name in self._declared else None

    def canonical(self, typed: str) -> str | None:
        """The full name behind any accepted spelling, None where there is none."""
        for section in self._open:
            for spelling in spellings(section):
                if typed.startswith(spelling + "."):
                    return section + typed[len(spelling) :]
        return self._spellings.get(typed)

    def is_free(self, name: str) -> bool:
        """Whether `name` may be added to what files say: they may leave it out, or its section has a user's names."""
        return name in self._open or name in self._optional or bool(self._free_section(name))

    def _free_section(self, name: str) -> str:
        """The section of names that are not ours which `name` stands in, empty where there is none."""
        return next((section for section in self._open if name.startswith(section + ".")), "")

    def _has(self, section: str) -> bool:
        """Whether requests have this open section: below `task` it is for the task's file to declare what it is in."""
        above = section.rpartition(".")[0] + "."
        if above.startswith("task."):
            return any(name.startswith(above) for name in self._declared)
        return f"{section}.*" in self._keys

    def is_section(self, name: str) -> bool:
        """Whether `name` has settings below it."""
        return any(known.startswith(name + ".") for known in self.names)

    def suggest(self, typed: str, count: int = 2) -> list[str]:
        """The full names (or aliases) nearest to a misspelling, best first."""
        names = self.names
        leaf = typed.rpartition(".")[2]
        same_leaf = [n for n in names if leaf in spellings(n.rpartition(".")[2])]
        same_leaf = nearest(typed, same_leaf, count) or same_leaf
        if "." not in typed:
            by_leaf = {n.rpartition(".")[2]: n for n in names}
            words = nearest(typed, [*keys.ALIASES, *by_leaf], count)
            close = [keys.ALIASES.get(word) or by_leaf[word] for word in words]
            return list(dict.fromkeys(same_leaf + close))[:count]
        section = typed.rpartition(".")[0]
        siblings = [n for n in names if n.rpartition(".")[0] == section]
        by_sibling = {n.rpartition(".")[2]: n for n in siblings}
        close = [by_sibling[word] for word in nearest(leaf, list(by_sibling), count)]
        if not close:
            words = nearest(typed, list(self._spellings), count)
            alike = [word for word in words if nearest(leaf, [word.rpartition(".")[2]])]
            close = [self._spellings[word] for word in alike]
        return list(dict.fromkeys(same_leaf + close))[:count]

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """Every accepted spelling -> full name, the older `train.*` spellings included."""
        index: dict[str, str] = {}
        for name in self.names:
            section, _, leaf = name.rpartition(".")
            for spelling in spellings(leaf):
                index.setdefault(f"{section}.{spelling}", name)
        for name in self.names:
            section, _, leaf = name.rpartition(".")
            for spelling in spellings(leaf):
                if section in ("training", "testing"):
                    index.setdefault(f"train.{spelling}", name)
                elif section in ("logging", "experiment"):
                    index.setdefault(f"train.{section}.{spelling}", name)
        for name in self.names:  # task.reward_weights.alive: every part of a name may be spelt either way
            for spelling in spellings(name):
                index.setdefault(spelling, name)
        return index


def _either(first: Key | None, second: Key) -> Key:
    """One line for a setting that two learners have: what either of them takes."""
    if first is None or first.type == second.type:
        return second
    return second._replace(type=f"{first.type} or {second.type}")
