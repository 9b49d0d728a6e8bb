"""PPO whose networks remember their episode: a GRU or LSTM between the hidden layers and the heads.

Truncated backpropagation through time: each sequence of a rollout is learnt from its first step's state, as it was
when the policy acted (the "stored state" of Kapturowski et al. 2019, Recurrent experience replay in distributed
reinforcement learning).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping, Sequence

import torch
from torch import Tensor, nn

from rlkit.env.api import Observations
from rlkit.learners.acting import Remembering, detached, kept
from rlkit.learners.api import Policy
from rlkit.learners.ppo.agent import Agent

_PARTS = {"gru": ("h",), "lstm": ("h", "c")}


class EpisodeRnn(nn.Module):
    """A GRU or LSTM that forgets where an episode begins inside of a sequence; takes rl_games' place of the same
    parameters, which sees no beginnings where a minibatch is one sequence.
    """

    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(
        self, x: Tensor, state: Any, begins: Tensor | None = None, _bptt: int = 0
    ) -> tuple[Tensor, Any]:
        """`[T, B, units]` and the state after them; x: `[T, B, features]`. state: `[layers, B, units]`, of an LSTM two,
        before the first step. begins: `[T, B, 1]`, 1 where a step is an episode's first.
        """
        if begins is None:
            return self.rnn(x, state)
        # Of the first step `state` knows already.
        cuts = (begins[1:, :, 0].any(dim=1).nonzero().squeeze(1) + 1).tolist()
        made, start = [], 0
        for end in [*cuts, len(x)]:
            if start:
                goes_on = begins[start, :, 0] == 0
                parts = [state] if isinstance(state, Tensor) else state
                parts = tuple(kept(part, goes_on) for part in parts)
                state = parts[0] if len(parts) == 1 else parts
            out, state = self.rnn(x[start:end], state)
            made.append(out)
            start = end
        return torch.cat(made), state


class MemoryAgent(Agent):
    """An agent whose policy and critic remember their episodes; a critic of its own has a memory of its own.

    `rnn_states`, here and in that critic, are rl_games': `[layers, N, units]` each, of the step that comes next.
    """

    def _fit_networks(self, params: dict[str, Any]) -> None:
        super()._fit_networks(params)
        for model in self._models():
            network = model.a2c_network
            for name in ("rnn", "a_rnn", "c_rnn"):
                if hasattr(network, name):
                    setattr(network, name, EpisodeRnn(getattr(network, name).rnn))
        network = self.model.a2c_network
        self.memory = dict.fromkeys(_PARTS[network.rnn_name], (network.rnn_layers, network.rnn_units))

    # The state of the episodes that are played.

    def _holders(self) -> list[Any]:
        """Those that have `rnn_states` of their own, and `mb_rnn_states`: what these were at each sequence's start,
        `[sequences, layers, N, units]`.
        """
        return [self, self.central_value_net] if self.has_central_value else [self]

    def episodes(self) -> dict[str, Any]:
        """What is remembered of them, holder by holder: `{"memory": [[[layers, N, units], ...], ...]}`."""
        return {"memory": [list(holder.rnn_states) for holder in self._holders()]}

    def go_on(self, saved: Mapping[str, Any]) -> None:
        """Remember what `episodes` gave; of another number of envs nothing can be."""
        ours, theirs = self.episodes()["memory"], saved["memory"]
        if _shapes(ours) != _shapes(theirs):
            self.forget()
            return
        for holder, parts in zip(self._holders(), theirs):
            holder.rnn_states = [part.to(self.device) for part in parts]

    def forget(self) -> None:
        """New episodes have begun everywhere."""
        for holder in self._holders():
            holder.rnn_states = [torch.zeros_like(part) for part in holder.rnn_states]

    # Collecting and learning.

    def set_train(self) -> None:
        """CUDA's recurrent layers know their way back in this mode only."""
        self.model.train()

    def play_steps_rnn(self) -> dict[str, Any]:
        """rl_games asks for it where networks remember."""
        return self.play_steps()

    def _act(self, step: int) -> dict[str, Any]:
        sequence, inside = divmod(step, self.seq_length)
        if not inside:
            for holder in self._holders():
                for stored, part in zip(holder.mb_rnn_states, holder.rnn_states):
                    stored[sequence] = part
        result = super()._act(step)  # the critic of its own keeps its next state itself
        self.rnn_states = result["rnn_states"]
        return result

    def _last(self, final_obs: dict[str, Tensor], ids: Tensor) -> dict[str, Tensor]:
        """With what was remembered of the very episodes that ended, envs first."""
        parts = {f"memory{k}": part[:, ids].transpose(0, 1) for k, part in enumerate(self._of_critic())}
        return {**super()._last(final_obs, ids), **parts}

    def _took(self, step: int, reached: Observations) -> None:
        """Forget the episodes that ended in this step."""
        goes_on = ~self.dones.bool()
        for holder in self._holders():
            holder.rnn_states = [kept(part, goes_on) for part in holder.rnn_states]

    def _batch(self) -> dict[str, Any]:
        batch = super()._batch()
        # Sequence by sequence, env by env, as the samples
        batch["rnn_states"] = [part.permute(1, 2, 0, 3).flatten(1, 2) for part in self.mb_rnn_states]
        return batch

    def _of_critic(self) -> Sequence[Tensor]:
        """The state that values are made of."""
        return self._holders()[-1].rnn_states

    @torch.no_grad()
    def values_of(self, obs: dict[str, Tensor]) -> Tensor:
        """See `Agent.values_of`; the state before them is that of the running episodes, or as `_last` gave it."""
        given = [obs[name].transpose(0, 1).contiguous() for name in obs if name.startswith("memory")]
        state = given or self._of_critic()
        if self.has_central_value:
            critic = self.central_value_net.model
            return critic({"is_train": False, "obs": obs["states"], "rnn_states": state})["values"]
        network = self.model
        seen = {"obs": network.norm_obs(obs["obs"]), "rnn_states": state}
        _, _, value, _ = network.a2c_network(seen)
        return network.denorm_value(value)

    # Acting elsewhere.

    def policy(self, noise: torch.Generator | None) -> Policy:
        """See `Agent.policy`."""
        return Remembering(partial(self._step, noise), self.memory)

    @torch.no_grad()
    def _step(self, noise: torch.Generator | None, obs: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Actions `[B, num_actions]` and the next state, of the policy alone: `[layers, B, units]` each."""
        network = self.model.a2c_network
        of_critic = [torch.zeros_like(part) for part in state] if network.separate else []
        seen = {"obs": self.model.norm_obs(obs), "rnn_states": [*state, *of_critic]}
        action, log_std, _, after = network(seen)
        if noise is not None:
            drawn = torch.randn(action.shape, generator=noise, device=action.device)
            action = action + log_std.exp() * drawn
        return (action.clamp(-1.0, 1.0), *after[: len(state)])

    def as_module(self) -> nn.Module:
        """See `Learner.network`."""
        *before, mean, clamp = self.actor()
        network = self.model.a2c_network
        memory = network.a_rnn if network.separate else network.rnn
        return detached(RecurrentActor(nn.Sequential(*before), memory.rnn, nn.Sequential(mean, clamp)))


class RecurrentActor(nn.Module):
    """One step of a policy: written as cells, which every format can hold."""

    def __init__(self, before: nn.Module, memory: nn.RNNBase, after: nn.Module) -> None:
        super().__init__()
        self.before, self.after = before, after
        self.memory: nn.RNNBase = memory

    def forward(self, obs: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Actions `[N, num_actions]` of `obs [N, size]` and the state `[layers, N, units]`, and the next state."""
        x, rnn = self.before(obs), self.memory
        layers: list[Sequence[Tensor]] = []
        for layer, weights in enumerate(rnn.all_weights):
            if isinstance(rnn, nn.GRU):
                layers.append((torch.gru_cell(x, state[0][layer], *weights),))
            else:
                layers.append(torch.lstm_cell(x, [part[layer] for part in state], *weights))
            x = layers[-1][0]
        return (self.after(x), *(torch.stack(parts) for parts in zip(*layers)))


def _shapes(holders: Sequence[Sequence[Tensor]]) -> list[list[tuple[int, ...]]]:
    return [[tuple(part.shape) for part in parts] for parts in holders]
