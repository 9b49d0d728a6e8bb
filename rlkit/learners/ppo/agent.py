"""rl_games' PPO agent, run one epoch at a time, without its files, prints and defects."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

import torch
from torch import Tensor, nn

from rlkit.env.api import Observations, few
from rlkit.learners import ranks
from rlkit.learners.acting import detached
from rlkit.learners.api import Memory, Policy
from rlkit.learners.networks.in_place import in_place
from rlkit.learners.networks.pixels import PixelRows, vector_numbers
from rlkit.learners.ppo.bridge import Bridge
from rlkit.learners.ppo.library import (
    A2CAgent,
    AlgoObserver,
    a2c_common,
    no_files_no_prints,
    policy_kl,
)
from rlkit.learners.ppo.normalizer import RunningNormalizer
from rlkit.learners.ppo.rates import Rates
from rlkit.learners.returns import ReturnScale

Series = Dict[str, List[Tensor]]
"""One 0-dim tensor a minibatch, by metric name, in the order of the minibatches."""


class Agent(A2CAgent):
    """rl_games' A2CAgent on a bridged env.

    What differs from its own: a time-out is bootstrapped from the true last observation (rl_games: from the
    one before); observation statistics count a sample once and follow the update, so that the policy that is
    improved is the very policy that acted; all ranks share statistics and learning rate; a critic of its own takes its
    gradient steps along with the policy's, so that ranks meet once a minibatch.

    returns: what rewards are scaled by, None for not at all. memory: see `Learner`.
    """

    memory: Memory = {}

    def __init__(self, params: dict[str, Any], bridge: Bridge, returns: ReturnScale | None) -> None:
        config = params["config"]
        config.update(vec_env=bridge, features={"observer": AlgoObserver()}, multi_gpu=False)
        with no_files_no_prints(config):
            super().__init__("ppo", params)
        self.bridge, self.returns = bridge, returns
        self.rates: Rates = config["rates"]
        self.obs: dict[str, Tensor] = {}
        self.series: Series = {}
        self.kl = torch.zeros(())  # of the running gradient step, from the policy that was before the epoch's
        self._fit_networks(params)
        self._join_ranks()
        self.init_tensors()

    def _fit_networks(self, params: dict[str, Any]) -> None:
        """Put our normalisers in place; let a state-dependent deviation start at `sigma_init`."""
        networks = self._models()
        for network in networks:
            if self.normalize_input:
                network.running_mean_std = RunningNormalizer(network.obs_shape[0]).to(self.device)
            if self.bridge.spec.images and network is self.model:
                self._read_pixels(network)
            if self.normalize_value:
                network.value_mean_std = RunningNormalizer(self.value_size).to(self.device)
            if "trunk" not in params["network"]:  # a network of somebody else's stays as it is
                in_place(network.a2c_network)
            if self.config["torch_compile"]:
                # In place: wrapping the module would rename every entry of its state.
                network.compile()
        if self.normalize_value:
            self.value_mean_std = networks[-1].value_mean_std
        sigma = self.model.a2c_network.sigma
        if isinstance(sigma, nn.Linear):
            nn.init.zeros_(sigma.weight)
            nn.init.constant_(sigma.bias, params["network"]["space"]["continuous"]["sigma_init"]["val"])

    def _read_pixels(self, network: Any) -> None:
        """Let rows of bytes be read where other observations are normalised, which images never are."""
        spec = self.bridge.spec
        count = vector_numbers(spec)
        vector = RunningNormalizer(count) if self.normalize_input and count else None
        network.running_mean_std = PixelRows(spec, vector).to(self.device)
        network.normalize_input = True  # rl_games' word for calling it

    def _preproc_obs(self, obs_batch: Tensor) -> Tensor:
        """Nothing: rl_games divides whatever is uint8 by 255, and would do so with all bytes of a row."""
        return obs_batch

    def _join_ranks(self) -> None:
        """Use the launcher's process group; rl_games' own way knows NCCL and `cuda:<rank>` only."""
        _, self.world_size = ranks.place()
        for network in self._models():
            ranks.begin_alike(network)
        learnt = [parameter for network in self._models() for parameter in network.parameters()]
        self.gradients = ranks.Gradients(learnt, beside=1)

    def _models(self) -> list[Any]:
        """The policy's, and that of a critic of its own."""
        return [self.model, self.central_value_net.model] if self.has_central_value else [self.model]

    def run_epoch(self) -> tuple[float, Series]:
        """One rollout and its update: `(seconds of the rollout, losses and rates of every minibatch)`."""
        self.series = {}
        self.obs = self.bridge.observe()
        self._follow_schedules(self.update_epoch() - 1)
        _, play_time, _, _, actor, critic, bounds, entropies, kls, _, _ = self.train_epoch()
        self.frame += self.batch_size * self.world_size
        self.dataset.update_values_dict(None)
        if self.normalize_input:
            rollout = self.experience_buffer.tensor_dict
            self.model.running_mean_std.update(rollout["obses"])
            if self.has_central_value:
                self.central_value_net.model.running_mean_std.update(rollout["states"])
        # The losses first; an asymmetric critic has put its own in place already.
        losses = {"actor": actor, "critic": critic, "entropy": entropies, "bounds": bounds}
        losses = {f"losses/{name}": values for name, values in losses.items()}
        self.series = {**losses, "policy/kl": kls, **self.series}
        return play_time, self.series

    def _follow_schedules(self, epochs: int) -> None:
        """Set what follows the epochs that are behind: the same after a resume as without one."""
        self.entropy_coef = self.rates.entropy(epochs)
        rate = self.rates.learning_rate(epochs)
        if rate is not None:
            self.last_lr = rate
            optimizers = [self.optimizer]
            if self.has_central_value:
                optimizers.append(self.central_value_net.optimizer)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = rate

    def play_steps(self) -> dict[str, Any]:
        """Roll the policy out for `horizon_length` steps; returns the batch, flattened env by env."""
        buffer = self.experience_buffer
        timeouts: list[tuple[int, Tensor, dict[str, Tensor]]] = []
        followed: list[Tensor] = []
        for step in range(self.horizon_length):
            result = self._act(step)
            buffer.update_data("obses", step, self.obs["obs"])
            buffer.update_data("dones", step, self.dones)
            for name in self.update_list:
                buffer.update_data(name, step, result[name])
            if self.has_central_value:
                buffer.update_data("states", step, self.obs["states"])
            self.obs, reward, self.dones, infos = self.bridge.step(result["actions"].clamp(-1.0, 1.0))
            buffer.update_data("rewards", step, self.rewards_shaper(reward.unsqueeze(1)))
            if self.returns is not None:
                followed.append(self.returns.follow(reward, self.dones))
            ids = infos["time_outs"].nonzero().squeeze(1)
            if self.value_bootstrap and len(ids):
                timeouts.append((step, ids, self._last(infos["final_obs"], ids)))
            self._took(step, infos["reached"])
        if self.returns is not None:
            self._scale_rewards(self.returns, torch.cat(followed))
        self._add_rewards()
        self._bootstrap(timeouts)
        return self._batch()

    def _act(self, step: int) -> dict[str, Any]:
        """Actions, values and what else `update_list` names, `[N, ...]`, for a step of the rollout."""
        return self.get_action_values(self.obs)

    def _last(self, final_obs: dict[str, Tensor], ids: Tensor) -> dict[str, Tensor]:
        """What `values_of` takes, of the episodes that ran out of time in the envs `ids`: `[k, ...]` each."""
        return {name: obs[ids] for name, obs in final_obs.items()}

    def _took(self, step: int, reached: Observations) -> None:
        """Keep of a step what further rewards are made of; reached: all groups `[N, size]` of the state it led to."""

    def _add_rewards(self) -> None:
        """Put further rewards into the rollout's `rewards` `[horizon, N, columns]`, whose columns hold the env's."""

    def _scale_rewards(self, scale: ReturnScale, returns: Tensor) -> None:
        """Bring the rollout's rewards to the scale of their task's returns; `returns [horizon * N]` count already.

        Once a rollout: within it all rewards have one scale, that of the values that they are added to.
        """
        rollout = self.experience_buffer.tensor_dict
        obs = rollout["obses"].flatten(0, 1)
        scale.learn(obs, returns)
        rollout["rewards"].flatten(0, 1).mul_(scale.scale_of(obs).view(-1, 1))

    def _bootstrap(self, timeouts: list[tuple[int, Tensor, dict[str, Tensor]]]) -> None:
        """Add `gamma * V(last observation)` to the reward of the steps that ran out of time."""
        if not timeouts:
            return
        steps = torch.cat([torch.full_like(ids, step) for step, ids, _ in timeouts])
        envs = torch.cat([ids for _, ids, _ in timeouts])
        final = {name: torch.cat([obs[name] for _, _, obs in timeouts]) for name in timeouts[0][2]}
        self.experience_buffer.tensor_dict["rewards"][steps, envs] += self.gamma * self.values_of(final)

    def _batch(self) -> dict[str, Any]:
        """Returns by generalised advantage estimation, and everything flattened to `[N * horizon, ...]`."""
        tensors = self.experience_buffer.tensor_dict
        advantages = self.discount_values(
            self.dones.float(),
            self.values_of(self.obs),
            tensors["dones"].float(),
            tensors["values"],
            tensors["rewards"],
        )
        batch = self.experience_buffer.get_transformed_list(a2c_common.swap_and_flatten01, self.tensor_list)
        batch["returns"] = a2c_common.swap_and_flatten01(advantages + tensors["values"])
        batch["played_frames"] = self.batch_size
        batch["step_time"] = 0.0
        return batch

    @torch.no_grad()
    def values_of(self, obs: dict[str, Tensor]) -> Tensor:
        """The critic's values `[B, columns]` of observations `{obs, states?}`, in units of the scaled reward."""
        if self.has_central_value:
            return self.get_central_value({"is_train": False, "states": obs["states"]})
        network = self.model
        _, _, value, _ = network.a2c_network({"obs": network.norm_obs(obs["obs"])})
        return network.denorm_value(value)

    @torch.no_grad()
    def act(self, obs: Tensor) -> Tensor:
        """The mean action `[B, num_actions]` for policy observations `[B, size]`, clamped to [-1, 1]."""
        mean, _, _, _ = self.model.a2c_network({"obs": self.model.norm_obs(obs)})
        return mean.clamp(-1.0, 1.0)

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """An action drawn as in training, `[B, num_actions]`, clamped to [-1, 1]."""
        mean, log_std, _, _ = self.model.a2c_network({"obs": self.model.norm_obs(obs)})
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        return (mean + log_std.exp() * noise).clamp(-1.0, 1.0)

    def actor(self) -> list[nn.Module]:
        """What `act` does, stage by stage: the modules themselves, not copies."""
        network = self.model.a2c_network
        normalizer = [self.model.running_mean_std] if self.model.normalize_input else []
        encoder = [network.encoder] if self.bridge.spec.images else []
        return [*normalizer, *encoder, network.actor_mlp, network.mu, nn.Hardtanh()]

    def policy(self, noise: torch.Generator | None) -> Policy:
        """Acts as `act` does, or as `sample` with this noise."""
        if noise is None:
            return Policy(lambda obs: self.act(obs["policy"]))
        return Policy(lambda obs: self.sample(obs["policy"], noise))

    def as_module(self) -> nn.Module:
        """See `Learner.network`."""
        return detached(*self.actor())

    def episodes(self) -> dict[str, Any]:
        """What goes along with the running episodes in a saved state, by name."""
        return {}

    def go_on(self, saved: Mapping[str, Any]) -> None:
        """Go on with what `episodes` gave."""

    def forget(self) -> None:
        """See `Learner.forget`."""

    def prepare_dataset(self, batch_dict: dict[str, Any]) -> None:
        """As rl_games', after the value statistics have learnt the new returns."""
        if self.normalize_value:
            self.value_mean_std.update(batch_dict["returns"])
        super().prepare_dataset(batch_dict)

    def set_train(self) -> None:
        """Nothing here depends on the mode; rl_games walks all modules before every minibatch."""

    def train_central_value(self) -> None:
        """The epochs of a critic of its own, which rl_games has before the policy's: here they go along with those."""
        self.central_value_net.train()

    def calc_gradients(self, input_dict: dict[str, Any]) -> None:
        """One gradient step on a minibatch by name, `[B, ...]`, and what rl_games' loop wants to know of it.

        Rows behind the first `minibatch_size` are learnt from, and count neither for KL nor for what is kept.
        """
        old = input_dict
        with torch.amp.autocast("cuda", enabled=self.mixed_precision, dtype=torch.bfloat16):
            seen = {"prev_actions": old["actions"], "obs": old["obs"], "dones": old["dones"]}
            made = self.model({**seen, "rnn_states": old.get("rnn_states"), "seq_length": self.seq_length})
            loss, actor, critic, entropy, bounds, _ = self.calc_losses(
                self.actor_loss_func,
                old["old_logp_actions"],
                made["prev_neglogp"],
                old["advantages"],
                self.e_clip,
                old["old_values"],
                made["values"],
                old["returns"],
                made["mus"],
                made["entropy"],
                None,
            )
            for further in (self.model.get_aux_loss() or {}).values():
                loss = loss + further
        mu, sigma, mu_before, sigma_before = (
            rows[: self.minibatch_size].detach()
            for rows in (made["mus"], made["sigmas"], old["mu"], old["sigma"])
        )
        self.kl = policy_kl(mu, sigma, mu_before, sigma_before)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        if self.has_central_value:
            self._critic_gradients(self.dataset.last_range[0] // self.minibatch_size)
        self.trancate_gradients_and_step()
        ratio = (old["old_logp_actions"] - made["prev_neglogp"].detach()).exp()
        clipped = ((ratio - 1.0).abs() > self.e_clip).float().mean()
        self.series.setdefault("policy/clip_fraction", []).append(clipped)
        self.train_result = (actor, critic, entropy, self.kl, self.last_lr, 1.0, mu, sigma, bounds)

    def _critic_gradients(self, number: int) -> None:
        """Those of a critic of its own, of the minibatch of this number."""
        critic = self.central_value_net
        critic.optimizer.zero_grad()
        loss = self.critic_loss(self.critic_minibatch(critic.dataset[number]))
        loss.backward()
        self.series.setdefault("losses/critic", []).append(loss.detach())

    def critic_minibatch(self, minibatch: dict[str, Any]) -> dict[str, Any]:
        """What a critic of its own learns from in one step, by name, `[B, ...]`."""
        return minibatch

    def critic_loss(self, minibatch: dict[str, Any]) -> Tensor:
        """What a critic of its own makes smaller, 0-dim."""
        critic = self.central_value_net
        made = critic.model({**minibatch, "seq_length": critic.seq_length})
        return critic.calc_loss(minibatch["old_values"], made["values"], minibatch["returns"], None)

    def trancate_gradients_and_step(self) -> None:
        """Average over ranks, clip (keeping the norm as a metric) and step; the name is rl_games'."""
        self.gradients.average(self.kl)
        if self.truncate_grads:
            self.scaler.unscale_(self.optimizer)
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.grad_norm)
            self.series.setdefault("policy/grad_norm", []).append(norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.has_central_value:
            critic = self.central_value_net
            if critic.truncate_grads:
                nn.utils.clip_grad_norm_(critic.model.parameters(), critic.grad_norm)
            critic.optimizer.step()

    def bad_observation(self) -> str:
        """What of the observation that it saw last is not finite, in words; empty where all of it is."""
        for name, group in (("obs", "policy"), ("states", "critic")):
            bad = ~self.obs[name].isfinite() if name in self.obs else torch.zeros(1, 1, dtype=torch.bool)
            envs, columns = (bad.any(dim).nonzero().squeeze(1).tolist() for dim in (1, 0))
            if envs:
                terms = self.bridge.spec.observation_terms.get(group) or (("some of it", bad.shape[1]),)
                names = [term for term, size in terms for _ in range(size)]
                named = ", ".join(dict.fromkeys(names[column] for column in columns))
                return f"the {group} observation is not finite: {named}, in env {few(envs)}"
        return ""
