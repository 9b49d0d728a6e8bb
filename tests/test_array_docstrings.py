"""Public functions on arrays tell shapes, and units and frames where there are some, read from the source."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import pytest

ROOT = Path(__file__).parents[1]
ARRAYS = {"Tensor", "ndarray", "Array", "Observations", "Step", "GymStep", "StepInfo", "ResetState"}
TERMS = {"observation", "reward", "success", "failure"}  # decorators that tell a shape
RETURNS = TERMS - {"observation"}  # of these a number without a unit

# Brackets that are no type, no range of numbers and no unit; or a number by itself.
SHAPE = re.compile(
    r"(?<![\w\])])\[(?!(?:s|m|rad|px|µs|N m|m/s|rad/s|-?[01], 1)\])[\w.*+() -]+(?:, *[\w.*+() -]+)*\]"
    r"|\b0-dim|\bscalars?\b",
    re.I,
)
NO_UNIT = r"\b(?:no|any|same|own) units?\b"
METRES, NEWTONS = r"\bm\b|\brad\b|\bpx\b", r"\bN\b(?! (?!in\b)[a-z]{2})"  # not as in "N envs"
FRAME = r"\bworld|\bframe|\b[Mm]agnitude"
WXYZ = r"w, x, y, z|\bwxyz|x, y, z, w|\bmatri(?:x|ces)\b"
TURNS = r"\b(?:to|from|into|about|turns?)\b"
# words in the name of the function or of an array -> what its docstring must say, and how that may read
UNITS = (
    ("force forces push", "N and the frame", NEWTONS, FRAME),
    ("torque torques effort", "N m", r"\bN m\b"),
    ("pos position positions height distance offset lengths", "m or rad", METRES),
    ("vel velocity velocities speed speeds", "m/s or rad/s", r"\b(?:m|rad)/s\b"),
    ("quat quats quaternion rotation orientation", "(w, x, y, z) and which way it turns", WXYZ, TURNS),
    ("pose poses", "the position's unit and (w, x, y, z)", r"\bm\b", WXYZ),
    ("time times period seconds duration age", "s or steps", r"(?<!')\bs\b|\bsteps?\b|µs|per cent"),
    ("angle angles yaw pitch roll", "rad", r"\brad\b"),
    ("masses", "kg", r"\bkg\b"),
    ("inertia", "kg m²", r"kg m²"),
)
NAMED = re.compile(r"[Ss]ee `(?:[\w.]+\.)?(\w+)\.(\w+)`")


@dataclass(frozen=True)
class Function:
    """A public function, or a method of a public class."""

    path: str
    owner: ast.ClassDef | None
    node: ast.FunctionDef
    module: str  # the module's docstring: what it says holds for all

    @property
    def doc(self) -> str:
        return ast.get_docstring(self.node) or ""

    @property
    def place(self) -> str:
        owner = f"{self.owner.name}." if self.owner else ""
        return f"{self.path}:{self.node.lineno} {owner}{self.node.name}"

    @property
    def decorators(self) -> set[str]:
        calls = [each.func if isinstance(each, ast.Call) else each for each in self.node.decorator_list]
        return {each.id for each in calls if isinstance(each, ast.Name)}

    def words(self) -> set[str]:
        """What may have a unit: words of `arrays`, and of the first sentence where some are returned."""
        told = re.split(r"[.:;]\s", SHAPE.sub("", self.doc))[0] if names_array(self.node.returns) else ""
        return set(re.findall("[a-z]+", " ".join([*self.arrays(), told]).lower()))

    def arrays(self) -> list[str]:
        """Names of the parameters that are arrays, and its own where it returns some."""
        a = self.node.args
        every = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        found = [each.arg for each in every if names_array(each.annotation)]
        return [*found, self.node.name] if names_array(self.node.returns) else found


def names_array(annotation: ast.AST | None) -> bool:
    return annotation is not None and not ARRAYS.isdisjoint(re.findall(r"\w+", ast.dump(annotation)))


class Source:
    """Texts of modules by their paths, as classes and functions."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.functions: list[Function] = []
        self._classes: dict[str, list[ast.ClassDef]] = {}
        self._by_name: dict[tuple[str, str], list[Function]] = {}
        for path, text in texts.items():
            tree = ast.parse(text)
            self._read(path, tree, ast.get_docstring(tree) or "", None)
        for each in self.functions:
            owner = each.owner.name if each.owner else Path(each.path).stem
            self._by_name.setdefault((owner, each.node.name), []).append(each)

    def _read(self, path: str, parent: ast.AST, said: str, owner: ast.ClassDef | None) -> None:
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, (ast.If, ast.Try)):
                self._read(path, node, said, owner)
            elif isinstance(node, ast.ClassDef):
                self._classes.setdefault(node.name, []).append(node)
                self._read(path, node, said, node)
            elif isinstance(node, ast.FunctionDef):
                self.functions.append(Function(path, owner, node, said))

    def on_arrays(self) -> Iterator[Function]:
        for each in self.functions:
            names = (each.node.name, each.owner.name if each.owner else "")
            if not any(name.startswith("_") for name in names) and each.arrays():
                yield each

    def classes(self, name: str) -> list[ast.ClassDef]:
        """The class of this name, then its base classes."""
        own = self._classes.get(name, [])
        bases = [base.id for each in own for base in each.bases if isinstance(base, ast.Name)]
        return [*own, *(each for base in bases for each in self.classes(base))]

    def named(self, owner: str, name: str) -> list[Function]:
        """`owner.name`, a function of a module or the method of the class or of its nearest base class."""
        owners = [owner, *(each.name for each in self.classes(owner))]
        return next((self._by_name[each, name] for each in owners if (each, name) in self._by_name), [])

    def overridden(self, method: Function) -> list[Function]:
        """The same method of the base classes."""
        bases = self.classes(method.owner.name) if method.owner else []
        found = [each for base in bases for each in self._by_name.get((base.name, method.node.name), [])]
        return [each for each in found if each is not method]

    def told(self, function: Function) -> str:
        """Its docstring with those that it names, all the way; without one it has that of the method it overrides."""
        texts, waiting = [], [function]
        while waiting:
            each = waiting.pop()
            if not each.doc:
                waiting += self.overridden(each)
            if each.doc not in texts:
                texts.append(each.doc)
                waiting += [base for pair in NAMED.findall(each.doc) for base in self.named(*pair)]
                if "See the class." in each.doc and each.owner:
                    texts.append(ast.get_docstring(each.owner) or "")
        return "\n".join(texts)

    def missing(self, function: Function) -> list[str]:
        told = self.told(function)
        lacks = [] if function.decorators & TERMS or SHAPE.search(told) else ["a shape"]
        classes = [function.owner, *self.classes(function.owner.name)] if function.owner else []
        for_all = [function.module, *(ast.get_docstring(each) or "" for each in classes)]
        told = SHAPE.sub("", "\n".join([told, *for_all]))
        if re.search(r"\bSI units\b", told):
            told += "\nN m m/s kg kg m² s rad"
        words = set() if function.decorators & RETURNS else function.words()
        for names, what, *ways in UNITS:
            if words & set(names.split()) and not all(re.search(f"{way}|{NO_UNIT}", told) for way in ways):
                lacks.append(what)
        return lacks


def problems(texts: dict[str, str]) -> list[str]:
    source = Source(texts)
    return [
        f"{each.place}: {', '.join(lacks)}" for each in source.on_arrays() if (lacks := source.missing(each))
    ]


@pytest.mark.slow
def test_public_functions_on_arrays_tell_shape_unit_and_frame() -> None:
    """A docstring, or the method that it names as "See `Base.method`.", says what a reader would have to look up."""
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.glob("rlkit/**/*.py"))}
    found = problems(texts)
    assert not found, "\n".join(["these docstrings do not say:", *found])


BASE = '''
class Engine:
    """Speeds are in m/s."""
    def step(self, ctrl: Tensor) -> None:
        """Advance under `ctrl` `[N, actuators]`."""
    def untold(self, ctrl: Tensor) -> None:
        """Advance."""
class Machine(Engine):
    """Between."""
'''


def told(code: str) -> list[str]:
    """What the last function of a source text lacks, with BASE beside it."""
    found = problems({"rlkit/base.py": BASE, "rlkit/here.py": code})
    return [each.partition(": ")[2] for each in found if each.startswith("rlkit/here.py")]


def function(doc: str, signature: str = "look(x: Tensor) -> None", before: str = "") -> str:
    return f'{before}\ndef {signature}:\n    """{doc}"""\n'


def method(doc: str, base: str = "Machine", before: str = "", decorator: str = "") -> str:
    head = f"class Mine({base}):\n    {before}\n    {decorator}\n"
    return f'{head}    def step(self, ctrl: Tensor) -> Tensor:\n        """{doc}"""\n'


@pytest.mark.parametrize(
    "code",
    [
        *map(function, ("`[N]` bool.", "Takes [..., 4].", "`[num_envs, 3]`.", "`[2 * k, 3]`.", "A 0-dim x.")),
        method("See `Engine.step`."),
        method("See `rlkit.base.Machine.step`; slowly."),  # which is the base's
        method(""),  # which overrides the base's
        method("Whatever.", decorator="@observation(3)"),
        method("See the class.", before='"""Rows `[N, 3]` to rows."""'),
        function("Nothing on arrays.", "look(x: list[int]) -> dict[str, float]"),
        "class Mine:\n    def _look(self, x: Tensor) -> None: ...",
        "class _Mine:\n    def look(self, x: Tensor) -> None: ...",
        "def look() -> int:\n    def inner(x: Tensor) -> None: ...",
    ],
)
def test_a_told_shape_is_found(code: str) -> None:
    assert told(code) == []


@pytest.mark.parametrize(
    "code",
    [
        *map(function, ("", "Looks.", "In [0, 1].", "In [-1, 1].", "Seconds [s].", "A list[int], `x[0]`.")),
        function("The x.", "look(x: dict[str, Tensor]) -> None"),
        function("The x.", "look(x: 'np.ndarray | None') -> None"),
        function("The x.", "look(*, x: torch.Tensor) -> None"),
        function("The x.", "look(**x: Tensor) -> None"),
        function("A new one.", "look() -> Tuple[Observations, StepInfo]"),
        function("The x.", "look(x: Tensor) -> None", before="if True:\n    pass\n"),
        method("Without a word of a shape."),  # the base method has one, and is not named
        method("See `Engine.untold`."),
        method("See `Engine.missing`."),
        method("See the class."),
        method("See `Mine.step`."),
        method("", base="Other"),
    ],
)
def test_a_missing_shape_is_found(code: str) -> None:
    assert told(code) == ["a shape"]


# the array's name, what says its unit and frame, and what does not
MEASURES = [
    ("force", "`[N, 3]` N, world frame", "`[N, 3]` in the world frame of N envs"),
    ("push_forces", "`[N, 3]` N in the body's frame", "`[N, 3]` N"),
    ("torque", "`[N]` N m", "`[N]` N"),
    ("joint_pos", "`[N]` rad", "`[N, m]` radians"),
    ("height", "`[N]` m", "`[N]` high"),
    ("lin_vel", "`[N, 3]` m/s", "`[N, 3]` m"),
    ("quat", "`[N, 4]` (w, x, y, z), body to world", "`[N, 4]` as (w, x, y, z)"),
    ("quat", "`[N, 4]` wxyz, turns the box", "`[N, 4]` body to world"),
    ("pose", "`[N, 7]` m and wxyz", "`[N, 7]` m"),
    ("time", "`[N]` s", "`[N]`, the engine's"),
    ("yaw", "`[N]` rad", "`[N]`"),
    ("distance", "`[...]`, any unit", "`[...]`"),
]


@pytest.mark.parametrize(("name", "said", "unsaid"), MEASURES, ids=[row[0] for row in MEASURES])
def test_units_and_frames(name: str, said: str, unsaid: str) -> None:
    takes, gives = f"look({name}: Tensor) -> None", f"{name}() -> Tensor"
    for signature in (takes, gives):
        assert told(function(f"X: {said}.", signature)) == []
        assert len(told(function(f"X: {unsaid}.", signature))) == 1
    everything = '"""SI units, world frame, quaternions as (w, x, y, z), body to world."""\n'
    assert told(function("X `[N]`.", takes, before=everything)) == []


def test_what_the_first_sentence_says_is_returned_has_a_unit() -> None:
    assert told(function("The velocity `[N, 3]` of it.", "look() -> Tensor")) == ["m/s or rad/s"]
    assert told(function("What is seen, `[N, 3]`. No velocity.", "look() -> Tensor")) == []
    assert told(function("Follow the velocity `[N, 3]`.", "look(x: Tensor) -> None")) == []


def test_what_a_base_class_says_holds_for_all() -> None:
    code = 'class Mine({}):\n    def look(self, speed: Tensor) -> None:\n        """At `[N]`."""\n'
    assert told(code.format("Machine")) == []
    assert told(code.format("Other")) == ["m/s or rad/s"]


def test_terms_of_a_reward_are_numbers() -> None:
    code = 'class Mine:\n    @{}\n    def velocity(self) -> Tensor:\n        """How fast."""\n'
    assert told(code.format("reward")) == told(code.format("success")) == []
    assert told(code.format("observation(3)")) == ["m/s or rad/s"]


def test_the_message_says_where() -> None:
    code = method("Looks.")
    assert problems({"rlkit/here.py": code}) == ["rlkit/here.py:4 Mine.step: a shape"]
