"""YAML as Hydra reads it, in one place: types, values and what is written come from the same rules.

PyYAML takes `1e-3` for text and OmegaConf for a number; here it is a number, when read and when written. Nothing in a
text may make an object, hang the reader or fill the memory: plain values alone, nested a little.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, NamedTuple

import yaml

from rlkit.errors import RlkitError

DEEPEST = 30
MOST_NODES = 50_000  # also of what aliases repeat
_LONGEST_NUMBER = 1000  # characters
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")}
_MERGE = "tag:yaml.org,2002:merge"
# Source: OmegaConf 2.3, get_yaml_loader: exponents without a dot are floats, dates are text.
_FLOAT = re.compile(
    r"""^(?:[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
    |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.X,
)


class YamlError(RlkitError, ValueError):
    """A text that cannot be read: `line` (from 1) and what to do about it."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader with OmegaConf's floats."""


class _Dumper(yaml.SafeDumper):
    """Quotes exactly the texts that the loader would take for something else."""


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_Loader.yaml_implicit_resolvers = {  # the writer still quotes dates, which other readers take for such
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def load(text: str, most_nodes: int = MOST_NODES) -> Any:
    """The value of a YAML text, None of an empty one. Raises YamlError, also for more values than `most_nodes`."""
    loader = _Loader(text)
    try:
        node = _root(loader, text, most_nodes)
        return None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise _plain_error(error, text) from error
    finally:
        loader.dispose()


def dump(tree: Any) -> str:
    """YAML that `load` reads back as it was; keys keep their order."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False)


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line (from 1) of each key of a text that can be read, by the keys that lead to it."""
    loader = _Loader(text)
    try:
        node = _root(loader, text)
        return {} if node is None else dict(_key_lines(node, ()))
    finally:
        loader.dispose()


def _key_lines(node: yaml.Node, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = (*above, str(key.value))
            yield path, key.start_mark.line + 1
            yield from _key_lines(value, path)


def _root(loader: Any, text: str, most_nodes: int = MOST_NODES) -> yaml.Node | None:
    """The checked node of the only document."""
    # libyaml nests by recursion in C, so what could be very deep is counted first.
    if sum(map(text.count, "[{-:?")) > 500:
        _check_depth(text)
    node = loader.get_single_node()
    if node is not None:
        _check_nodes(node, most_nodes)
    return node


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise YamlError(event.start_mark.line + 1, f"nested more than {DEEPEST} deep; write it flat")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Place(NamedTuple):
    node: yaml.Node
    depth: int


def _check_nodes(root: yaml.Node, most_nodes: int) -> None:
    """Refuse what is no tree of plain values, or a very large one."""
    places: list[_Place] = [_Place(root, 1)]
    seen: set[int] = set()
    count = 0
    while places:
        node, depth = places.pop()
        line = node.start_mark.line + 1
        count += 1
        if count > most_nodes:
            raise YamlError(line, f"more than {most_nodes} values; do its aliases repeat one another?")
        if depth > DEEPEST:
            inside = "an alias stands inside of what its own anchor names" if id(node) in seen else "nested"
            raise YamlError(line, f"{inside} more than {DEEPEST} deep; write it flat")
        again = id(node) in seen
        seen.add(id(node))
        if not again:
            _check_node(node, line)
        if isinstance(node, yaml.MappingNode):
            places += [_Place(value, depth + 1) for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            places += [_Place(item, depth + 1) for item in node.value]


def _check_node(node: yaml.Node, line: int) -> None:
    if node.tag not in _PLAIN:
        raise YamlError(line, f"{node.tag.replace('tag:yaml.org,2002:', '!!')}: plain values only; no tag")
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":float")):
        _check_number(node, line)
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)


def _check_number(node: yaml.ScalarNode, line: int) -> None:
    if len(node.value) > _LONGEST_NUMBER:
        raise YamlError(line, f"a number of {len(node.value)} digits")
    try:  # an explicit tag may stand before anything, as in !!int x
        _Loader("").construct_object(node)
    except ValueError as error:
        raise YamlError(line, f"{node.value[:40]!r} is no number") from error


def _check_keys(node: yaml.MappingNode) -> None:
    first: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if key.tag == _MERGE:
            continue
        if not isinstance(key, yaml.ScalarNode) or key.tag not in _PLAIN:
            raise YamlError(line, "a key must be a name")
        if key.tag.endswith((":bool", ":null")):
            read = "null" if key.tag.endswith(":null") else "true or false"
            raise YamlError(line, f"the key {key.value or '(empty)'} is read as {read}; write it in quotes")
        if key.value in first:
            raise YamlError(
                line, f"{key.value} stands here again (first in line {first[key.value]}); keep one"
            )
        first[key.value] = line


_HINTS = (
    ("cannot start any token", "YAML indents by blanks and knows no tabs"),
    ("mapping values are not allowed", "write `name: value` once a line, its section's keys indented alike"),
    ("expected ':'", "write `name: value`, with a blank after the colon"),
    ("block", "indent the keys of a section alike, by blanks"),
    ("flow", "close each [ and {, and put commas between what is in them"),
    ("alias", "name it before by &anchor"),
    ("quoted", "close the quotes"),
    ("expected a single document", "keep one, without ---"),
)


def _plain_error(error: yaml.YAMLError, text: str) -> YamlError:
    """PyYAML's own finding with the line and what to write."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # a character that YAML does not allow
        position = getattr(error, "position", 0)
        return YamlError(
            text.count("\n", 0, position) + 1, "holds a control character; save it as plain text"
        )
    said = " ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None))))
    line = min(mark.line, max(0, len(text.splitlines()) - 1)) + 1
    here = text.splitlines()[line - 1] if text else ""
    if here.lstrip(" ").startswith("\t"):
        return YamlError(line, f"a tab; {_HINTS[0][1]}")
    hint = next((hint for word, hint in _HINTS if word in said), "")
    return YamlError(line, f"is not valid YAML: {said}" + (f"; {hint}" if hint else ""))
