"""Replay buffer: one ring of transitions, every observation stored once, n-step batches drawn without a host sync."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

import torch
from torch import Tensor

from rlkit.env.api import Observations
from rlkit.learners.off_policy.replay.resize import resized

# What became of a transition, one small code each; TRUNCATED + k points at the env's k-th row of final observations.
RUNS_ON, TERMINATED, BARRED, TRUNCATED = 0, 1, 2, 3


class Batch(NamedTuple):
    """`B` n-step transitions, float32 on the learner's device, observations as the environment gave them.

    policy, next_policy: `[B, policy size]`; critic, next_critic: `[B, critic size]`, without privileged observations
    the same tensor object. action: `[B, A]`. reward: `[B]` discounted sum. discount: `[B]` what the next state's
    value counts, gamma ** (steps summed), 0 after a termination. weight: `[B]` 0 where the row must not count, else 1.
    """

    policy: Tensor
    critic: Tensor
    action: Tensor
    reward: Tensor
    discount: Tensor
    next_policy: Tensor
    next_critic: Tensor
    weight: Tensor


class _Layout(NamedTuple):
    """Rows of final observations per env, numbers in an observation row, type of the ending codes."""

    finals: int
    width: int
    code: torch.dtype


def _layout(
    steps: int, policy_size: int, critic_size: int, limit: int, asymmetric: bool, policy_in_critic: bool
) -> _Layout:
    # An env times out at most ceil(steps / limit) times within the ring, and one row is the next to be written.
    finals = steps // limit + 2
    width = policy_size
    if asymmetric:
        width = critic_size if policy_in_critic else policy_size + critic_size
    codes = TRUNCATED + finals
    return _Layout(
        finals, width, torch.uint8 if codes <= 2**8 else torch.int16 if codes <= 2**15 else torch.int32
    )


class ReplayBuffer:
    """A ring of `steps` transitions of each of `num_envs` envs, time-major, in rows of all envs.

    It has one slot more than that: the open one, which holds the current observation and no action yet. So the next
    observation of every transition is the row one slot on, stored once; only truncated steps need one of their own,
    their true last one. Those rows stand behind the ring in the same tensor, a small ring per env.

    A row that is BARRED starts no chain and none steps onto it, though its observation may be bootstrapped from:
    the open slot (so no chain crosses from the newest data into the oldest), the slot where `start` interrupted the
    episodes, and a truncated step that lost its final observation because its env truncates more often than every
    `max_episode_length` steps.

    One env with steps=5, full; its second step was truncated, its fourth terminated:

        slot      0         1         2         3         4         5 = head, the open one
        _obs      o0        o1        o2        o3        o4        o5     (o2, o4: first ones after a reset)
        _moves    a0 r0     a1 r1     a2 r2     a3 r3     a4 r4     -
        _ending   RUNS_ON   TRUNC+0   RUNS_ON   TERMIN.   RUNS_ON   BARRED
        behind    f0 (_owner: slot 1)           f1 (_free: written next)

    Chains with n_step=3: from 0, r0 + gamma r1, then gamma^2 of f0; from 2, r2 + gamma r3, then nothing; from 4, r4,
    then gamma of o5. The next step fills slot 5 and opens slot 0.

    storage: where the rows lie, `device` unless told; "cpu" for a learner on CUDA keeps them in ordinary memory,
    gathers into pinned memory and copies without blocking (pinning the ring itself would round its size up to a
    power of two; the tests, which need no GPU, do not run this path). dtype: of the stored observations.
    policy_in_critic: the critic's observation starts with the policy's, and only the critic's is stored.
    """

    def __init__(
        self,
        *,
        num_envs: int,
        steps: int,
        policy_size: int,
        critic_size: int,
        num_actions: int,
        gamma: float,
        n_step: int,
        max_episode_length: int,
        device: torch.device,
        storage: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        asymmetric: bool,
        policy_in_critic: bool = False,
    ) -> None:
        if min(num_envs, steps, n_step, max_episode_length) < 1:
            raise ValueError(
                f"replay buffer: num_envs={num_envs}, steps={steps}, n_step={n_step} and "
                f"max_episode_length={max_episode_length} must all be at least 1"
            )
        if not asymmetric and policy_size != critic_size:
            raise ValueError(
                f"replay buffer: the critic sees {critic_size} numbers and the policy {policy_size}; "
                "that takes asymmetric=True"
            )
        self.num_envs, self.steps, self.num_actions = num_envs, steps, num_actions
        self.gamma, self.n_step, self.asymmetric = gamma, n_step, asymmetric
        self.device, self.storage = device, storage if storage is not None else device
        self._pin = self.storage.type == "cpu" and device.type == "cuda"
        self._finals, width, code = _layout(
            steps, policy_size, critic_size, max_episode_length, asymmetric, policy_in_critic
        )
        self._policy = slice(0, policy_size)
        self._critic = slice(0, width) if policy_in_critic else slice(width - critic_size, width)
        self._policy_in_critic = policy_in_critic and asymmetric

        where = self.storage
        self._ring = (steps + 1) * num_envs  # rows in the ring
        self._obs = torch.zeros(self._ring + self._finals * num_envs, width, dtype=dtype, device=where)
        # action and reward
        self._moves = torch.zeros(self._ring, num_actions + 1, dtype=torch.float32, device=where)
        self._ending = torch.zeros(self._ring, dtype=code, device=where)
        self._envs = torch.arange(num_envs, device=where)
        # each env's row of final observations that is written next, and the transition that each such row belongs to
        self._free = torch.zeros(num_envs, dtype=torch.long, device=where)
        self._owner = self._envs.repeat(self._finals)
        self._final = torch.zeros(num_envs, width, dtype=dtype, device=where)

        self._started, self._head, self._stored = False, 0, 0
        # row at which the oldest transitions begin, and how many rows can be drawn from there on
        self._oldest = torch.zeros((), dtype=torch.long, device=where)
        self._filled = torch.zeros((), dtype=torch.long, device=where)

    @property
    def steps_stored(self) -> int:
        """Slots that can be drawn from, gaps included."""
        return self._stored

    @property
    def fill(self) -> float:
        """Share of the ring that is filled, 0 to 1."""
        return self._stored / self.steps

    @staticmethod
    def bytes_needed(
        num_envs: int,
        steps: int,
        policy_size: int,
        critic_size: int,
        num_actions: int,
        *,
        max_episode_length: int,
        dtype_bytes: int,
        asymmetric: bool,
        policy_in_critic: bool,
    ) -> int:
        """Bytes of all tensors of such a buffer; `dtype_bytes` of one stored observed number."""
        finals, width, code = _layout(
            steps, policy_size, critic_size, max_episode_length, asymmetric, policy_in_critic
        )
        ring = (steps + 1) * num_envs
        observations = (ring + (finals + 1) * num_envs) * width * dtype_bytes
        pointers = ((finals + 2) * num_envs + 2) * torch.long.itemsize
        return observations + ring * ((num_actions + 1) * torch.float32.itemsize + code.itemsize) + pointers

    # ------------------------------------------------------------------------------------------------- writing

    @torch.no_grad()
    def start(self, obs: Observations) -> None:
        """Take the first observations (`[N, size]` each) after a reset of all envs.

        With transitions in the buffer (a training continued with new episodes) the observation that was current
        stays as what the newest ones bootstrap from, in a slot that is never a start and that no chain crosses.
        Errors: ValueError where `policy_in_critic` does not hold.
        """
        if self._policy_in_critic and not torch.equal(obs["critic"][:, self._policy], obs["policy"]):
            raise ValueError(
                "replay buffer: policy_in_critic=True, but the critic's observation does not start with the "
                "policy's numbers; store both (policy_in_critic=False)"
            )
        if self._stored:
            self._advance()
        self._started = True
        self._open(obs)

    @torch.no_grad()
    def add(
        self,
        obs: Observations,
        action: Tensor,
        reward: Tensor,
        terminated: Tensor,
        truncated: Tensor,
        final_obs: Observations,
    ) -> None:
        """Take what `VecEnv.step` returned for `action [N, A]`; no host sync where storage and device are one.

        obs: current now, in envs that ended the new episode's first. final_obs: the old one's last where truncated,
        elsewhere unused. terminated wins over truncated.
        """
        if not self._started:
            raise RuntimeError("replay buffer: add() before start(); give it the reset's observations first")
        here = slice(self._head * self.num_envs, (self._head + 1) * self.num_envs)
        self._moves[here, :-1].copy_(action)
        self._moves[here, -1].copy_(reward)
        terminated, truncated = terminated.to(self.storage), truncated.to(self.storage)
        self._end(here, terminated, truncated & ~terminated, final_obs)
        self._advance()
        self._open(obs)

    def _end(self, here: slice, terminated: Tensor, truncated: Tensor, final_obs: Observations) -> None:
        """Write the endings of the rows `here` and keep the final observations of the truncated ones.

        Every env writes into its free row; only truncated ones move on to the next, so nothing branches on a value.
        """
        final = self._free * self.num_envs + self._envs
        self._pack(self._final, final_obs)
        self._obs.index_copy_(0, self._ring + final, self._final)
        self._owner.index_copy_(0, final, here.start + self._envs)
        code = torch.where(truncated, TRUNCATED + self._free, terminated * TERMINATED)
        self._ending[here].copy_(code)

        self._free.add_(truncated).remainder_(self._finals)
        # The row that is free now may still belong to a stored transition; its observation is overwritten from here
        # on. A transition that has left the ring shows another code by now.
        owner = self._owner.index_select(0, self._free * self.num_envs + self._envs)
        code = self._ending.index_select(0, owner)
        self._ending.index_copy_(0, owner, code.masked_fill(code == TRUNCATED + self._free, BARRED))

    def _advance(self) -> None:
        """Make the next slot the open one."""
        self._place((self._head + 1) % (self.steps + 1), min(self._stored + 1, self.steps))

    def _place(self, head: int, stored: int) -> None:
        self._head, self._stored = head, stored
        self._oldest.fill_((head - stored) % (self.steps + 1) * self.num_envs)
        self._filled.fill_(stored * self.num_envs)

    def _open(self, obs: Observations) -> None:
        here = slice(self._head * self.num_envs, (self._head + 1) * self.num_envs)
        self._pack(self._obs[here], obs)
        self._ending[here].fill_(BARRED)

    def _pack(self, rows: Tensor, obs: Observations) -> None:
        if self.asymmetric and not self._policy_in_critic:
            rows[:, self._policy].copy_(obs["policy"])
        rows[:, self._critic].copy_(obs["critic"])

    # ------------------------------------------------------------------------------------------------- reading

    def sample(self, count: int, generator: torch.Generator) -> Batch:
        """Draw `count` transitions, all stored ones alike, with replacement.

        Where storage and device are one, nothing here waits for the host or depends on a value in it, so it can be
        captured in a CUDA graph (with the generator registered there); the captured draw follows the ring as it
        grows. With storage on the CPU a generator there spares a wait for the GPU. Errors: RuntimeError while
        nothing is stored.
        """
        if not self._stored:
            raise RuntimeError("replay buffer: sample() before the first add(): nothing is stored yet")
        return self._gather(self._draw(count, generator))

    def _draw(self, count: int, generator: torch.Generator) -> Tensor:
        # 62 random bits leave the remainder uniform, to 1e-9 in a ring of 2**32 rows; 24-bit floats would not reach
        # every row of a large one.
        drawn = torch.randint(2**62, (count,), generator=generator, device=generator.device)
        return (self._oldest + drawn.to(self.storage) % self._filled) % self._ring

    def _gather(self, rows: Tensor) -> Batch:
        """The batch of the chains that start at `rows [B]`, each slot * num_envs + env."""
        reward, discount, weight, follows = self._chain(rows)
        policy, critic = self._unpack(self._take(self._obs, rows))
        next_policy, next_critic = self._unpack(self._take(self._obs, follows))
        action = self._take(self._moves, rows)[:, :-1]
        return Batch(
            policy, critic, action, self._send(reward), self._send(discount), next_policy, next_critic,
            self._send(weight),
        )  # fmt: skip

    def _chain(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Discounted reward, discount and weight of the chains from `rows [B]`, and the row that follows each."""
        ages = torch.arange(self.n_step, device=self.storage).unsqueeze(1)
        chain = ((rows + ages * self.num_envs) % self._ring).flatten()  # [n * B]
        ending = self._ending.index_select(0, chain).view(self.n_step, -1)
        reward = self._moves[:, -1].index_select(0, chain).view(self.n_step, -1)

        stops = ending != RUNS_ON
        counts = (stops.cumsum(0) == stops) & (ending != BARRED)  # nothing has stopped the chain before
        length = counts.sum(0)
        reward = (reward * self.gamma**ages).masked_fill(~counts, 0.0).sum(0)
        last = ending.gather(0, (length - 1).clamp_(min=0).unsqueeze(0)).squeeze(0).long()
        discount = self.gamma**length * (last != TERMINATED)
        follows = torch.where(
            last >= TRUNCATED,
            self._ring + (last - TRUNCATED) * self.num_envs + rows % self.num_envs,
            (rows + length * self.num_envs) % self._ring,
        )
        return reward, discount, (length > 0).float(), follows

    def _unpack(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        rows = rows.float()
        return (rows[:, self._policy], rows[:, self._critic]) if self.asymmetric else (rows, rows)

    def _take(self, source: Tensor, rows: Tensor) -> Tensor:
        """Rows of `source` on the learner's device; pinned memory comes from torch's cache, which guards its reuse."""
        if not self._pin:
            return source.index_select(0, rows).to(self.device)
        pinned = torch.empty(len(rows), source.shape[1], dtype=source.dtype, pin_memory=True)
        torch.index_select(source, 0, rows, out=pinned)
        return pinned.to(self.device, non_blocking=True)

    def _send(self, values: Tensor) -> Tensor:
        return values.pin_memory().to(self.device, non_blocking=True) if self._pin else values.to(self.device)

    # ------------------------------------------------------------------------------------------------- keeping

    def state(self) -> dict[str, Any]:
        """Copies of the filled rows on the CPU and plain values: what `torch.load(weights_only=True)` reads."""
        filled = min(self._stored + 1, self.steps + 1) * self.num_envs if self._started else 0
        finals = self._finals if self._stored == self.steps else min(self._finals, self._stored + 1)
        return {
            "layout": self._describe(),
            "started": self._started,
            "head": self._head,
            "stored": self._stored,
            "obs": _keep(self._obs[:filled]),
            "finals": _keep(self._obs[self._ring : self._ring + finals * self.num_envs]),
            "moves": _keep(self._moves[:filled]),
            "ending": _keep(self._ending[:filled]),
            "free": _keep(self._free),
            "owner": _keep(self._owner),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from `state()`: the same draws from the same generator.

        gamma, n_step and steps may differ: the first two are applied when a batch is drawn, and a ring of another
        length takes the newest transitions that it can hold. Errors: ValueError, with the buffer untouched, where
        it holds other envs or sizes.
        """
        ours, theirs = self._describe(), state["layout"]
        free = ("steps", "final observations per env")
        differ = [
            f"{name} {theirs.get(name)} (here {ours[name]})"
            for name in ours
            if theirs.get(name) != ours[name] and name not in free
        ]
        if differ:
            raise ValueError(f"the saved replay buffer does not fit this training: {', '.join(differ)}")
        if not state["started"]:
            self._started = False
            self._place(0, 0)
            return
        if theirs["steps"] != self.steps:
            state = resized(state, self.steps, self._finals, TRUNCATED, BARRED)
        filled, used = len(state["ending"]), len(state["finals"])
        self._obs[:filled].copy_(state["obs"])
        self._obs[self._ring : self._ring + used].copy_(state["finals"])
        self._moves[:filled].copy_(state["moves"])
        self._ending[:filled].copy_(state["ending"])
        self._free.copy_(state["free"])
        self._owner.copy_(state["owner"])
        self._started = state["started"]
        self._place(state["head"], state["stored"])

    def _describe(self) -> dict[str, Any]:
        return {
            "num_envs": self.num_envs,
            "steps": self.steps,
            "final observations per env": self._finals,
            "policy": [self._policy.start, self._policy.stop],
            "critic": [self._critic.start, self._critic.stop],
            "num_actions": self.num_actions,
            "dtype": str(self._obs.dtype),
        }


def _keep(rows: Tensor) -> Tensor:
    return rows.to("cpu", copy=True)
