"""Whether a replay of transitions fits into the memory it will live in, known before torch or a simulator is loaded."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Sequence

from rlkit.config.facts.engine import engine_of
from rlkit.config.facts.machine import Machine
from rlkit.config.files.terms import frames, observation_sizes
from rlkit.config.schema.types import Plain
from rlkit.tasks.robots.legged import legged_of

GB = 1e9
SHARE = 0.9  # of the free memory that a proposal fills: networks, batches and the simulator need some too
MOST_ACTIONS = 32  # where the number of actions is not known before the task is made


class Replay(NamedTuple):
    """What the size of a replay follows from: counts of envs and numbers, `limit` steps in the longest episode."""

    num_envs: int
    observations: int
    actions: int
    limit: int
    exact: bool  # False where `actions` is only an upper bound

    def bytes(self, steps: int, dtype_bytes: int) -> int:
        """Bytes of a ring of `steps` steps of every env (rlkit.learners.off_policy.replay.buffer.ReplayBuffer).

        One slot more than steps; rows of final observations behind it; an action, a reward and an ending a slot.
        """
        finals = steps // self.limit + 3
        code = 1 if finals <= 254 else 2
        slot = self.observations * dtype_bytes + 4 * (self.actions + 1) + code
        return self.num_envs * ((steps + 1) * slot + finals * self.observations * dtype_bytes)


def check(plain: Plain, machine: Machine) -> list[str]:
    """Say that the replay does not fit, and what does; silent where sizes or memory are not known beforehand."""
    replay = _replay(plain)
    if replay is None:
        return []
    train, device = plain["train"], plain["env"]["device"]
    on_gpu = device != "cpu" and train["buffer_device"] == "auto"
    free = machine.gpu_memory(int(device.partition(":")[2] or 0)) if on_gpu else machine.memory
    size, width = train["buffer_size"], 2 if train["buffer_dtype"] == "bfloat16" else 4
    ranks = 1 if on_gpu else machine.ranks_here  # main memory is shared by them
    needed = replay.bytes(size, width) * ranks
    if free is None or needed <= free:
        return []
    about, place = "" if replay.exact else "about ", "the GPU has" if on_gpu else "main memory has"
    others = []
    if width == 4 and replay.bytes(size, 2) * ranks <= SHARE * free:
        others.append("train.buffer_dtype=bfloat16")
    if on_gpu and machine.memory is not None and needed * machine.ranks_here <= SHARE * machine.memory:
        others.append("train.buffer_device=cpu")
    return [
        f"train.buffer_size={size}: needs {about}{needed / GB:.1f} GB for {replay.num_envs} envs"
        f"{_on_each(ranks)}, {place} {free / GB:.1f} free; {_what_fits(plain, replay, width, SHARE * free / ranks)}"
        + (f" (or {', or '.join(others)})" if others else "")
    ]


def _on_each(ranks: int) -> str:
    return f" on each of {ranks} ranks" if ranks > 1 else ""


def _replay(plain: Plain) -> Replay | None:
    """None for tasks whose observations are not known from their source; Gymnasium's are told by making them."""
    task = plain["task"]
    sizes = None if engine_of(plain) == "gymnasium" else observation_sizes(task)
    if (
        sizes is None
        or task["episodeLength"] == "auto"
        or any(name not in sizes for name in (*task["observations"], *_critics(task)))
    ):
        return None
    policy, critic = ([*names] for names in (task["observations"], _critics(task)))
    same = critic == policy  # both see the latest values then
    observations = sum(sizes[name] * (frames(task, name) if same else 1) for name in critic)
    if (
        critic[: len(policy)] != policy
        or (not same and task.get("history", 1) > 1)
        or task.get("randomization", {}).get("observationNoise")
    ):
        # not the beginning of the critic's: both are stored
        observations += sum(sizes[name] * frames(task, name) for name in policy)
    actions = count_of_actions(task)
    exact = actions is not None
    return Replay(
        plain["env"]["numEnvs"], observations, actions or MOST_ACTIONS, task["episodeLength"], exact
    )


def count_of_actions(task: Mapping[str, Any]) -> int | None:
    """How many actions a task has, None where only the task itself can tell."""
    parts = [task.get("policyControlsHandBase"), task.get("policyControlsFingers")]
    if None not in parts:
        return 6 * bool(parts[0]) + 12 * bool(parts[1])
    robot = legged_of(task)
    return None if robot is None or task.get("class") else len(robot.joints)


def _critics(task: Mapping[str, Any]) -> Sequence[str]:
    """The observation terms of the critic."""
    return (task.get("groups") or {}).get("critic") or task["observations"]


def _what_fits(plain: Plain, replay: Replay, width: int, room: float) -> str:
    """The largest ring in `room` bytes, of two digits; fewer environments where none is long enough to learn from."""
    train, num_envs = plain["train"], replay.num_envs
    size = _largest(train["buffer_size"], lambda steps: replay.bytes(steps, width) <= room)
    size = _two_digits(size)
    if size >= max(train["num_steps"] + 1, train["learning_starts"], 2):
        total = train["buffer_total"] is not None
        return f"train.buffer_total={size * num_envs} fits" if total else f"train.buffer_size={size} fits"
    one = replay._replace(num_envs=1).bytes(train["buffer_size"], width)
    return f"env.numEnvs={max(_two_digits(int(room // one)), 1)} fits"


def _largest(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `limit` that fits, by halving; larger ones need more."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _two_digits(number: int) -> int:
    unit = 10 ** max(len(str(number)) - 2, 0)
    return number // unit * unit


def rows_too_many(plain: Plain, machine: Machine, each: int) -> list[str]:
    """Say that `train.replay_size` rows of `each` bytes do not fit into memory, and how many do; silent where that is
    not known.
    """
    count, device = plain["train"]["replay_size"], plain["env"]["device"]
    free = machine.memory if device == "cpu" else machine.gpu_memory(int(device.partition(":")[2] or 0))
    ranks = machine.ranks_here if device == "cpu" else 1
    if free is None or count * each * ranks <= free:
        return []
    place = "main memory has" if device == "cpu" else "the GPU has"
    return [
        f"train.replay_size={count}: needs {count * each * ranks / GB:.1f} GB{_on_each(ranks)}, {place}"
        f" {free / GB:.1f} free; train.replay_size={max(1, int(SHARE * free / (each * ranks)))} fits"
    ]
