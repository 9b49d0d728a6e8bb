"""The record of what has been tried, rlkit/config/facts/support.yaml, says what is so on the simulators installed here.

`python -m pytest tests/contract/test_support.py --write-support` renews it; the cells of simulators that are not
installed stay as they are.
"""

from __future__ import annotations

import math
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from typing import Any, Iterator

import pytest
import support_page
import torch
from isaacgym_standin.loaded import standin
from needs import lacking
from support_page import CONF, ROWS, task_of, words_of

from rlkit.commands.doctor.checkup import versions
from rlkit.config import ConfigError, Experiment, compose
from rlkit.config.facts import support
from rlkit.config.facts.machine import Machine
from rlkit.env.api import EnvSpec, VecEnv
from rlkit.learners.api import Learner
from rlkit.learners.facts import LEARNERS, train_file
from rlkit.runtime import build
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.process.ranks import Ranks
from rlkit.sims.api import SimulatorError
from rlkit.sims.facts import SIMULATORS, STEPPING, USABLE

pytestmark = pytest.mark.slow

HERE = Machine.detect()
ANYTHING = replace(HERE, simulators=frozenset(USABLE))
ENGINES = {row: CONF.declared(task_of(row)).get("task.engine", "simulator") for row in ROWS}
NEVER_IN_CI = ("genesis", "isaacgym")  # whose record nobody can be asked to renew before it has been seen
NUM_ENVS = 8  # as in test_tasks.py: one compilation serves both
WORDS = {"Gym": ("env.id=Pendulum-v1",), "Soccer": ("env.vectorization=sync",)}
WORDS["SoccerMulti"] = WORDS["Soccer"]
SMALL = {
    "ppo": ("numEnvs=4", "train.horizon_length=8", "train.units=[8]", "train.mini_epochs=1"),
    "amp": (
        *("numEnvs=4", "train.horizon_length=8", "train.units=[8]", "train.mini_epochs=1"),
        *("train.disc_units=[8]", "train.disc_batch_size=8", "train.disc_updates=1", "train.replay_size=64"),
    ),
    "add": (
        *("numEnvs=4", "train.horizon_length=8", "train.units=[8]", "train.mini_epochs=1"),
        *("train.disc_units=[8]", "train.disc_batch_size=8", "train.disc_updates=1", "train.replay_size=64"),
    ),
    "ase": (
        *("numEnvs=4", "train.horizon_length=8", "train.units=[8]", "train.mini_epochs=1"),
        *("train.disc_units=[8]", "train.disc_batch_size=8", "train.disc_updates=1", "train.replay_size=64"),
    ),
    "fast_td3": (
        *("numEnvs=4", "train.horizon_length=8", "train.learning_starts=4", "train.num_updates=1"),
        *("train.batch_size=8", "train.actor_units=[8]", "train.critic_units=[8]", "train.buffer_size=64"),
    ),
    "fast_sac": (
        *("numEnvs=4", "train.horizon_length=8", "train.learning_starts=4", "train.num_updates=1"),
        *(
            "train.policy_frequency=1",
            "train.batch_size=8",
            "train.actor_units=[8]",
            "train.critic_units=[8]",
        ),
        "train.buffer_size=64",
    ),
    "flash_sac": (
        *("numEnvs=4", "train.horizon_length=8", "train.learning_starts=4", "train.num_updates=1"),
        *("train.learning_starts_total=null", "train.policy_frequency=1", "train.batch_size=8"),
        *("train.actor_units=[8]", "train.critic_units=[8]", "train.buffer_size=64"),
    ),
    "distill": ("numEnvs=4", "train.horizon_length=8", "train.units=[8]", "train.teacher=some"),
    "masked_mimic": ("numEnvs=4", "train.horizon_length=8", "train.latent_size=4", "train.expert=some"),
}


def slow_pair(task: str, name: str) -> Any:
    """The pair as a case of its own; Soccer's environments and other engines than MuJoCo take long to start."""
    soccer = [pytest.mark.soccer] if task.startswith("Soccer") else []
    slow = [pytest.mark.slow] if soccer or name in ("mjx", "warp", "genesis") else []
    return pytest.param(task, name, marks=[*soccer, *slow], id=f"{task}-{name}")


SIMULATOR_PAIRS = [
    slow_pair(task, sim)
    for task in ROWS
    for sim in sorted(HERE.simulators & set(STEPPING))
    if ENGINES[task] == "simulator"
]
LEARNER_PAIRS = [slow_pair(task, learner) for task in ROWS for learner in LEARNERS]


@pytest.fixture(scope="module")
def record(request: pytest.FixtureRequest) -> Iterator[support.Record]:
    """What is on record; with --write-support what the tests put into it is written at the end."""
    found = deepcopy(support.read_record())
    yield found
    if request.config.getoption("--write-support", default=False):
        support_page.write_record(found)


@pytest.fixture
def agree(request: pytest.FixtureRequest, record: support.Record):
    """Compare what a cell came to with what is on record, or put it there."""

    def compare(half: str, task: str, name: str, cell: dict[str, str]) -> None:
        cells = record[half].setdefault(task, {})
        if request.config.getoption("--write-support", default=False):
            cells[name] = cell
            if not cell:
                del cells[name]
        recorded = cells.get(name, {})
        if "tested" in cell and ("tested" in recorded or (not recorded and name in NEVER_IN_CI)):
            return  # with other versions perhaps, or the first time that anybody has it
        assert cell == recorded, (
            f"{task} on {name}: rlkit/config/facts/support.yaml says {recorded or 'untested'}, found {cell};"
            " renew it: python -m pytest tests/contract/test_support.py --write-support"
        )

    return compare


def request_for(task: str, *words: str) -> Experiment:
    machine_words = ("sim=gymnasium",) if ENGINES[task] == "gymnasium" else ("sim=mujoco",)
    return compose(
        [*words_of(task), *machine_words, "device=cpu", *WORDS.get(task, ()), *words], machine=ANYTHING
    )


def on_simulator(experiment: Experiment, sim: str) -> VecEnv:
    """The env on a simulator that the record may call impossible, which compose() would refuse."""
    device = "cuda:0" if torch.cuda.is_available() and not SIMULATORS[sim].cpu_only else "cpu"
    return build_env(
        replace(
            experiment,
            sim=replace(experiment.sim, name=sim),
            env=replace(experiment.env, device=device),
        ),
        Ranks(),
    )


def seen_with(sim: str, env: VecEnv) -> str:
    device = "the CPU" if env.spec.device.type == "cpu" else torch.cuda.get_device_name()
    return f"{versions(SIMULATORS[sim].packages)}, on {device}"


@pytest.mark.parametrize(("task", "sim"), SIMULATOR_PAIRS)
def test_a_simulator_steps_the_task_or_refuses_it_with_the_reason_on_record(task, sim, agree) -> None:
    try:
        env = on_simulator(request_for(task, f"numEnvs={NUM_ENVS}"), sim)
    except SimulatorError as error:
        agree("simulators", task, sim, {"impossible": str(error)})
        return
    with closing(env):
        env.reset()
        for _ in range(2):
            actions = torch.zeros(NUM_ENVS, env.spec.num_actions, device=env.spec.device)
            obs, reward, *_ = env.step(actions)
            assert torch.isfinite(obs["policy"]).all() and torch.isfinite(reward).all()
        cell = {"tested": seen_with(sim, env)}
    agree("simulators", task, sim, cell)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "learner"), LEARNER_PAIRS)
def test_a_learner_does_an_iteration_of_the_task(task, learner, agree, monkeypatch) -> None:
    missing = missing_packages(task)
    if missing:
        lacking("soccer", f"{task} needs {', '.join(missing)}, which `make soccer` installs")
    train = train_file(task_of(task), learner)
    try:
        experiment = request_for(task, f"train={train}", *SMALL.get(learner, ("numEnvs=4",)))
    except ConfigError as error:
        (reason,) = error.messages
        agree("learners", task, learner, {"impossible": reason.partition(": ")[2].partition(",")[0]})
        return
    sim = experiment.sim.name
    if LEARNERS[learner].teacher:
        experiment = taught(experiment, monkeypatch)
    with closing(build_env(experiment, Ranks())) as env:
        agent = build_learner(experiment, env)
        env.reset()
        before = agent.network().state_dict()
        done = agent.iterate(env)
        after = agent.network().state_dict()
        assert done.metrics and all(math.isfinite(value) for value in done.metrics.values())
        assert any(not torch.equal(before[name], after[name]) for name in before), "it learned nothing"
        cell = {"tested": seen_with(sim, env)}
    agree("learners", task, learner, {"tested": f"an iteration on {sim}"})
    if sim == "gymnasium":
        agree("simulators", task, sim, cell)


def taught(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """With a teacher that sees what the policy does, and does nothing."""

    def give(_: Experiment, learner: Learner, spec: EnvSpec) -> None:
        learner.imitate(lambda obs: torch.zeros(len(obs["policy"]), spec.num_actions), "nothing")

    monkeypatch.setattr(build, "give_teacher", give)
    groups = {**(experiment.task.get("groups") or {}), "teacher": experiment.task["observations"]}
    return replace(experiment, task={**experiment.task, "groups": groups})


# Isaac Gym itself and its stand-in cannot be in one process; where the real one is, its pairs are among those above.
if "isaacgym" not in HERE.simulators:

    @pytest.mark.parametrize("task", [task for task in ROWS if ENGINES[task] == "simulator"])
    def test_what_isaac_gym_lacks_is_on_record_and_what_runs_on_its_stand_in_alone_is_untested(
        task, agree
    ) -> None:
        with standin():
            try:
                env = on_simulator(request_for(task, f"numEnvs={NUM_ENVS}"), "isaacgym")
            except SimulatorError as error:
                agree("simulators", task, "isaacgym", {"impossible": str(error)})
                return
            with closing(env):
                env.reset()
        agree("simulators", task, "isaacgym", {})


def missing_packages(task: str) -> list[str]:
    packages = CONF.declared(task_of(task)).get("task.packages") or []
    return [package for package in packages if not HERE.has_package(package)]


@pytest.mark.parametrize("task", ROWS)
def test_a_task_on_the_wrong_kind_of_engine_is_refused_with_the_reason_on_record(task, agree) -> None:
    reasons = {
        "gymnasium": "made of Gymnasium environments, which bring their own physics",
        "simulator": "runs on a simulator",
    }
    wrong = ["gymnasium"] if ENGINES[task] == "simulator" else sorted(STEPPING)
    reason = reasons[ENGINES[task]]
    for sim in wrong:
        with pytest.raises(ConfigError, match=reason):
            compose([*words_of(task), f"sim={sim}", *WORDS.get(task, ())], machine=ANYTHING)
        agree("simulators", task, sim, {"impossible": reason})


def test_the_record_names_the_tasks_simulators_and_learners_that_there_are(record) -> None:
    assert sorted(record["simulators"]) == sorted(record["learners"]) == sorted(ROWS)
    for task in ROWS:
        assert set(record["simulators"][task]) <= set(USABLE)
        assert set(record["learners"][task]) <= set(LEARNERS)


def test_the_page_shows_the_record(request: pytest.FixtureRequest, record) -> None:
    if request.config.getoption("--write-support", default=False):
        support_page.write_record(record)  # now, as the fixture does it only after this test
    text = support_page.PAGE.read_text(encoding="utf-8")
    assert support_page.page(text) == text, (
        "renew it: python -m pytest tests/contract/test_support.py --write-support"
    )
