"""Small cases by hand; test_replay_chains.py compares every row of the ring with a naive reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rlkit.learners.off_policy.replay.buffer import (
    BARRED,
    RUNS_ON,
    TERMINATED,
    TRUNCATED,
    Batch,
    ReplayBuffer,
)

CPU = torch.device("cpu")
GAMMA = 0.5  # sums of small integers times its powers are exact


def make(**options: Any) -> ReplayBuffer:
    sizes: dict[str, Any] = {
        "num_envs": 1, "steps": 4, "policy_size": 1, "critic_size": 1, "num_actions": 1, "gamma": GAMMA,
        "n_step": 1, "max_episode_length": 100, "device": CPU, "asymmetric": False,
    }  # fmt: skip
    return ReplayBuffer(**{**sizes, **options})


def observed(*values: float) -> dict[str, torch.Tensor]:
    """One number per env."""
    column = torch.tensor(values).unsqueeze(1)
    return {"policy": column, "critic": column}


def step(buffer: ReplayBuffer, reward: float, obs: float, ending: str = "", final: float = -1.0) -> None:
    """One env: the action is the reward's negative."""
    buffer.add(
        observed(obs), torch.tensor([[-reward]]), torch.tensor([reward]),
        torch.tensor([ending == "terminated"]), torch.tensor([ending == "truncated"]), observed(final),
    )  # fmt: skip


def at(buffer: ReplayBuffer, slot: int, env: int = 0) -> dict[str, list[float]]:
    batch = buffer._gather(torch.tensor([slot * buffer.num_envs + env]))
    return {name: value.flatten().tolist() for name, value in batch._asdict().items()}


def tensors(buffer: ReplayBuffer) -> dict[str, torch.Tensor]:
    return {name: value for name, value in vars(buffer).items() if isinstance(value, torch.Tensor)}


def equal(one: Batch, other: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other))


def test_one_step_in_every_field():
    buffer = make()
    buffer.start(observed(7.0))
    step(buffer, 3.0, obs=8.0)
    assert at(buffer, 0) == {
        "policy": [7.0], "critic": [7.0], "action": [-3.0], "reward": [3.0], "discount": [0.5],
        "next_policy": [8.0], "next_critic": [8.0], "weight": [1.0],
    }  # fmt: skip
    assert buffer.steps_stored == 1
    assert buffer.fill == 0.25


def test_the_drawing_in_the_docstring_is_true():
    buffer = make(steps=5, n_step=3)
    buffer.start(observed(0.0))
    for slot, ending in enumerate(["", "truncated", "", "terminated", ""]):
        step(buffer, 10.0 * 2**slot, obs=slot + 1.0, ending=ending, final=99.0)
    chains = [(at(buffer, slot)["reward"], at(buffer, slot)["discount"]) for slot in (0, 2, 4)]
    assert chains == [([10.0 + 20.0 / 2], [0.25]), ([40.0 + 80.0 / 2], [0.0]), ([160.0], [0.5])]
    assert [at(buffer, slot)["next_policy"] for slot in (0, 4)] == [[99.0], [5.0]]
    assert buffer._ending.tolist() == [RUNS_ON, TRUNCATED + 0, RUNS_ON, TERMINATED, RUNS_ON, BARRED]
    assert (buffer._head, buffer._owner[0].item(), buffer._free.tolist()) == (5, 1, [1])
    step(buffer, 0.0, obs=6.0)
    assert buffer._head == 0


def test_a_chain_at_the_write_seam_never_sums_the_oldest_rewards():
    """Rewards 5 to 8 overwrite 1 to 3 in a ring of 5 slots: from 6 on, 3 steps sum 6 + 7/2 + 8/4."""
    buffer = make(n_step=3)
    buffer.start(observed(0.0))
    for reward in range(1, 9):
        step(buffer, float(reward), obs=10.0 * reward)
    # reward 6 was earned in the sixth slot, index 0 of 5; the open slot is 3 and holds the observation 80
    assert at(buffer, 0) | {"policy": 0, "critic": 0} == {
        "policy": 0, "critic": 0, "action": [-6.0], "reward": [11.5], "discount": [0.125],
        "next_policy": [80.0], "next_critic": [80.0], "weight": [1.0],
    }  # fmt: skip
    assert (at(buffer, 1)["reward"], at(buffer, 1)["discount"]) == ([7.0 + 4.0], [0.25])
    assert (at(buffer, 2)["reward"], at(buffer, 2)["discount"]) == ([8.0], [0.5])
    assert at(buffer, 1)["next_policy"] == at(buffer, 2)["next_policy"] == [80.0]
    assert at(buffer, 4)["reward"] == [5.0 + 3.0 + 7.0 / 4.0]  # across the end of the memory, not of time


def test_at_gamma_one_the_newest_transition_counts_itself_alone():
    """The public implementation sums 20 here: it goes on into the oldest data."""
    buffer = make(n_step=3, steps=11, gamma=1.0)
    buffer.start(observed(0.0))
    for reward in range(12):
        step(buffer, float(reward), obs=0.0)
    newest = (buffer._head - 1) % 12
    assert at(buffer, newest)["reward"] == [11.0]


def test_a_termination_ends_the_chain_and_has_no_future():
    buffer = make(n_step=3)
    buffer.start(observed(0.0))
    step(buffer, 1.0, obs=1.0)
    step(buffer, 2.0, obs=50.0, ending="terminated", final=2.0)
    step(buffer, 4.0, obs=51.0)
    assert (at(buffer, 0)["reward"], at(buffer, 0)["discount"]) == ([2.0], [0.0])
    assert (at(buffer, 1)["reward"], at(buffer, 1)["discount"]) == ([2.0], [0.0])
    assert at(buffer, 2)["reward"] == [4.0]


def test_a_truncation_bootstraps_from_the_true_last_observation():
    buffer = make(n_step=3)
    buffer.start(observed(0.0))
    step(buffer, 1.0, obs=1.0)
    step(buffer, 2.0, obs=50.0, ending="truncated", final=2.0)
    step(buffer, 4.0, obs=51.0)
    for slot, reward, discount in ((0, 2.0, 0.25), (1, 2.0, 0.5)):
        assert at(buffer, slot)["reward"] == [reward]
        assert at(buffer, slot)["discount"] == [discount]
        assert at(buffer, slot)["next_policy"] == [2.0]
    assert at(buffer, 2)["policy"] == [50.0]
    assert at(buffer, 2)["next_policy"] == [51.0]


def test_a_step_that_both_terminates_and_times_out_has_no_future():
    buffer = make()
    buffer.start(observed(0.0))
    both = torch.tensor([True])
    buffer.add(observed(1.0), torch.zeros(1, 1), torch.ones(1), both, both, observed(2.0))
    assert at(buffer, 0)["discount"] == [0.0]


def test_a_truncation_that_lost_its_final_observation_is_left_out():
    """One final row per env is kept where the ring is shorter than an episode; here episodes last one step."""
    buffer = make(n_step=3, steps=6)
    buffer.start(observed(0.0))
    step(buffer, 1.0, obs=1.0)
    step(buffer, 2.0, obs=50.0, ending="truncated", final=2.0)
    assert at(buffer, 1)["next_policy"] == [2.0]
    step(buffer, 4.0, obs=60.0, ending="truncated", final=51.0)
    assert at(buffer, 2)["next_policy"] == [51.0]
    assert at(buffer, 2)["weight"] == [1.0]
    lost = at(buffer, 1)
    assert lost["weight"] == [0.0]
    assert lost["reward"] == [0.0]
    before = at(buffer, 0)  # stops in front of it and takes the observation that is still there
    assert (before["reward"], before["discount"], before["next_policy"], before["weight"]) == (
        [1.0], [0.5], [1.0], [1.0],
    )  # fmt: skip


def test_a_new_start_leaves_a_gap_that_no_chain_crosses():
    buffer = make(n_step=3, steps=5)
    buffer.start(observed(0.0))
    step(buffer, 1.0, obs=1.0)
    buffer.start(observed(100.0))
    step(buffer, 2.0, obs=101.0)
    before, gap, after = (at(buffer, slot) for slot in range(3))
    assert (before["reward"], before["discount"], before["next_policy"]) == ([1.0], [0.5], [1.0])
    assert (gap["weight"], gap["reward"]) == ([0.0], [0.0])
    assert (after["policy"], after["reward"], after["next_policy"]) == ([100.0], [2.0], [101.0])
    assert buffer.steps_stored == 3


def test_a_second_start_before_any_step_takes_the_place_of_the_first():
    buffer = make()
    buffer.start(observed(1.0))
    buffer.start(observed(2.0))
    step(buffer, 1.0, obs=3.0)
    assert buffer.steps_stored == 1
    assert at(buffer, 0)["policy"] == [2.0]


def test_bfloat16_rounds_observations_only():
    buffer = make(dtype=torch.bfloat16)
    buffer.start(observed(257.0))  # bfloat16 has 8 bits: 256, 258, 260
    step(buffer, 257.0, obs=259.0, ending="truncated", final=263.0)
    row = at(buffer, 0)
    assert row["policy"] == [256.0]
    assert row["next_policy"] == [264.0]
    assert (row["reward"], row["action"]) == ([257.0], [-257.0])
    assert {value.dtype for value in buffer._gather(torch.tensor([0]))} == {torch.float32}


def test_without_privileged_observations_the_critic_shares_the_policys_tensor():
    buffer = make()
    buffer.start(observed(0.0))
    step(buffer, 1.0, obs=1.0)
    batch = buffer.sample(3, torch.Generator())
    assert batch.critic is batch.policy
    assert batch.next_critic is batch.next_policy


@pytest.mark.parametrize("policy_in_critic", [False, True])
def test_privileged_observations(policy_in_critic: bool):
    buffer = make(policy_size=2, critic_size=3, asymmetric=True, policy_in_critic=policy_in_critic)

    def groups(base: float) -> dict[str, torch.Tensor]:
        return {
            "policy": torch.tensor([[base, base + 1]]),
            "critic": torch.tensor([[base, base + 1, base + 2]]),
        }

    no, yes = torch.tensor([False]), torch.tensor([True])
    buffer.start(groups(10.0))
    buffer.add(groups(20.0), torch.zeros(1, 1), torch.ones(1), no, no, groups(20.0))
    buffer.add(groups(40.0), torch.zeros(1, 1), torch.ones(1), no, yes, groups(30.0))
    first, second = at(buffer, 0), at(buffer, 1)
    assert (first["policy"], first["critic"]) == ([10.0, 11.0], [10.0, 11.0, 12.0])
    assert (first["next_policy"], first["next_critic"]) == ([20.0, 21.0], [20.0, 21.0, 22.0])
    assert (second["next_policy"], second["next_critic"]) == ([30.0, 31.0], [30.0, 31.0, 32.0])
    assert buffer._obs.shape[1] == (3 if policy_in_critic else 5)


def test_policy_in_critic_is_checked_where_the_data_begins():
    buffer = make(policy_size=1, critic_size=2, asymmetric=True, policy_in_critic=True)
    with pytest.raises(ValueError, match="does not start with the policy's"):
        buffer.start({"policy": torch.tensor([[1.0]]), "critic": torch.tensor([[2.0, 1.0]])})


def test_uses_before_there_is_anything_say_what_is_missing():
    buffer = make()
    with pytest.raises(RuntimeError, match="before start"):
        step(buffer, 1.0, obs=1.0)
    buffer.start(observed(0.0))
    with pytest.raises(RuntimeError, match="before the first add"):
        buffer.sample(1, torch.Generator())


def test_sizes_that_make_no_buffer_are_refused():
    with pytest.raises(ValueError, match="steps=0"):
        make(steps=0)
    with pytest.raises(ValueError, match="asymmetric=True"):
        make(critic_size=2)


def test_a_gradient_never_enters_the_buffer():
    buffer = make()
    buffer.start(observed(0.0))
    no = torch.tensor([False])
    action = torch.ones(1, 1, requires_grad=True) * 2.0
    buffer.add(observed(1.0), action, torch.ones(1), no, no, observed(1.0))
    assert not any(value.requires_grad for value in buffer.sample(2, torch.Generator()))


@pytest.mark.parametrize(
    ("options", "dtype_bytes"),
    [
        ({}, 4),
        ({"dtype": torch.bfloat16, "policy_size": 7, "critic_size": 7}, 2),
        ({"num_envs": 3, "steps": 600, "max_episode_length": 2, "num_actions": 5}, 4),  # codes of two bytes
        ({"policy_size": 3, "critic_size": 5, "asymmetric": True}, 4),
        ({"policy_size": 3, "critic_size": 5, "asymmetric": True, "policy_in_critic": True}, 4),
    ],
)
def test_the_bytes_foretold_are_the_bytes_taken(options: dict[str, Any], dtype_bytes: int):
    buffer = make(**options)
    sizes = {"num_envs": 1, "steps": 4, "policy_size": 1, "critic_size": 1, "num_actions": 1}
    foretold = ReplayBuffer.bytes_needed(
        *(options.get(name, value) for name, value in sizes.items()),
        max_episode_length=options.get("max_episode_length", 100),
        dtype_bytes=dtype_bytes,
        asymmetric=options.get("asymmetric", False),
        policy_in_critic=options.get("policy_in_critic", False),
    )
    assert foretold == sum(value.nbytes for value in tensors(buffer).values())


def test_bytes_by_hand():
    """64 envs, 4096 steps, 48 observed numbers, 12 actions: 192 + 52 + 1 bytes a step, and 6 + 1 final rows."""
    needed = ReplayBuffer.bytes_needed(
        64, 4096, 48, 48, 12, max_episode_length=1000, dtype_bytes=4, asymmetric=False, policy_in_critic=False
    )
    assert needed == 64 * (4097 * 245 + 7 * 192 + (6 + 2) * 8) + 16


def test_every_stored_transition_is_drawn_alike():
    """4 envs, 9 slots, wrapped: 36 cells expect 1000 draws each; chi-square of 35 degrees is above 80 in 2e-5."""
    buffer = make(num_envs=4, steps=9)
    buffer.start(observed(0.0, 0.0, 0.0, 0.0))
    no = torch.zeros(4, dtype=torch.bool)
    for time in range(14):
        ident = torch.arange(4.0).unsqueeze(1) + 4 * time
        buffer.add(observed(0.0, 0.0, 0.0, 0.0), ident, torch.zeros(4), no, no, observed(0.0, 0.0, 0.0, 0.0))
    drawn = buffer.sample(36000, torch.Generator().manual_seed(1)).action.long().flatten()
    counts = torch.bincount(drawn, minlength=4 * 14)
    assert counts[: 4 * 5].sum() == 0  # overwritten
    assert ((counts[4 * 5 :] - 1000.0) ** 2 / 1000.0).sum() < 80.0


def test_only_what_is_stored_is_drawn_while_the_ring_fills():
    buffer = make(steps=50)
    buffer.start(observed(0.0))
    for time in range(3):
        step(buffer, float(time), obs=0.0)
    drawn = buffer.sample(3000, torch.Generator().manual_seed(0)).reward
    assert torch.bincount(drawn.long()).tolist() == pytest.approx([1000, 1000, 1000], abs=130)  # 5 deviations


@pytest.mark.slow
def test_rows_beyond_the_24_bits_of_a_float_are_drawn():
    buffer = make(steps=2**25)
    buffer._place(2**25, 2**25)
    rows = buffer._draw(4000, torch.Generator().manual_seed(0))
    odd_and_large = (rows % 2 == 1) & (rows > 2**24)
    assert odd_and_large.float().mean().item() == pytest.approx(0.25, abs=0.04)


def test_the_same_seed_draws_the_same():
    buffer = make(num_envs=2)
    buffer.start(observed(0.0, 1.0))
    no = torch.zeros(2, dtype=torch.bool)
    buffer.add(observed(2.0, 3.0), torch.zeros(2, 1), torch.tensor([1.0, 2.0]), no, no, observed(2.0, 3.0))
    draws = [buffer.sample(64, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
    assert equal(draws[0], draws[1])
    assert not equal(draws[0], draws[2])


def test_writing_and_drawing_read_no_value_on_the_host():
    """On the meta device there are no values: a branch on one, an item() or a boolean mask raises there."""
    meta = torch.device("meta")
    buffer = make(
        device=meta, num_envs=3, n_step=3, dtype=torch.bfloat16, policy_size=1, critic_size=2, asymmetric=True
    )
    obs = {"policy": torch.empty(3, 1, device=meta), "critic": torch.empty(3, 2, device=meta)}
    flags = torch.empty(3, dtype=torch.bool, device=meta)
    buffer.start(obs)
    for _ in range(6):
        buffer.add(
            obs, torch.empty(3, 1, device=meta), torch.empty(3, device=meta), flags, flags.clone(), obs
        )
    batch = buffer.sample(5, torch.Generator())
    assert batch.policy.is_meta
    assert batch.next_critic.shape == (5, 2)
    assert batch.reward.shape == batch.discount.shape == batch.weight.shape == (5,)


def test_writing_moves_no_memory():
    """A captured draw reads the addresses that it was captured with."""
    buffer = make(num_envs=2)
    places = {name: value.data_ptr() for name, value in tensors(buffer).items()}
    buffer.start(observed(0.0, 0.0))
    yes = torch.ones(2, dtype=torch.bool)
    for _ in range(7):
        buffer.add(observed(1.0, 1.0), torch.zeros(2, 1), torch.zeros(2), ~yes, yes, observed(1.0, 1.0))
    buffer.start(observed(0.0, 0.0))
    assert {name: value.data_ptr() for name, value in tensors(buffer).items()} == places
