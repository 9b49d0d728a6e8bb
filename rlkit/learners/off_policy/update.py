"""The networks, their optimisers, and one turn of learning."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners import ranks
from rlkit.learners.off_policy.distribution import support
from rlkit.learners.off_policy.losses import Info, critic_loss
from rlkit.learners.off_policy.meter import Meter
from rlkit.learners.off_policy.networks import Critics
from rlkit.learners.off_policy.replay.buffer import Batch, ReplayBuffer
from rlkit.learners.off_policy.settings import OffPolicySettings
from rlkit.learners.off_policy.simba import project
from rlkit.learners.off_policy.symmetry import Symmetry
from rlkit.learners.optimizers import AdamW
from rlkit.learners.returns import ReturnScale
from rlkit.learners.schedules import scheduled


class Update(ABC):
    """What learns, and how: `turn` is a pure sequence of tensor operations that a CUDA graph can hold.

    Everything that a turn changes is changed in place, and nothing in it waits for the device. Several ranks begin
    with the same networks and average each update's gradients: the networks stay the same on all. A learner says what
    its actor is, how the critics' target looks ahead, and by what the actor learns.

    plain_critic_loss, plain_actor_loss: the losses as they are written, which torch.compile may be given.
    """

    plain_critic_loss: Callable[..., tuple[Tensor, Info]] = staticmethod(critic_loss)
    plain_actor_loss: Callable[..., tuple[Tensor, Info]]
    actor: Any

    def __init__(
        self,
        settings: OffPolicySettings,
        spec: EnvSpec,
        replay: ReplayBuffer,
        policy_norm: nn.Module,
        critic_norm: nn.Module,
        scale: ReturnScale | None,
        generator: torch.Generator,
    ) -> None:
        self.settings, self.replay, self.generator = settings, replay, generator
        self.policy_norm, self.critic_norm, self.scale = policy_norm, critic_norm, scale
        self.device = spec.device
        self.symmetry = Symmetry(spec) if settings.symmetry else None
        self.atoms = support(settings.v_min, settings.v_max, settings.num_atoms, spec.device)
        self._make_networks(spec)
        ranks.begin_alike(nn.ModuleList(self._modules().values()))
        self.gradients: dict[nn.Module, ranks.Gradients] = {}
        self._make_optimizers()
        fp16 = settings.low_precision and settings.amp_dtype == "fp16"
        self.scaler = torch.amp.GradScaler("cuda") if fp16 and spec.device.type == "cuda" else None
        self.meter = Meter(spec.device)
        self.use_plain_losses()

    # What a learner says of itself.

    @abstractmethod
    def _make_actor(self, spec: EnvSpec) -> nn.Module:
        """The network whose forward pass is the policy without noise."""

    @abstractmethod
    def _look_ahead(self, batch: Batch) -> tuple[Batch, Tensor]:
        """The batch as the critics learn from it, and the policy's actions `[B, actions]` at its next states."""

    @abstractmethod
    def _judge_actor(self, batch: Batch) -> tuple[Tensor, Info]:
        """The actor's loss and what to look at, of `actor_loss`."""

    def _make_critics(self, spec: EnvSpec) -> nn.Module:
        """The network that gives logits `[critics, B, atoms]` of observations and actions."""
        return Critics(spec, self.settings)

    def _make_networks(self, spec: EnvSpec) -> None:
        self.actor = self._make_actor(spec).to(spec.device)
        self.critics = self._make_critics(spec).to(spec.device)
        self.target_critics = frozen_copy(self.critics)

    def _make_optimizers(self) -> None:
        settings = self.settings
        self.actor_optimizer = self._adamw(self.actor, settings.actor_learning_rate, settings.weight_decay)
        self.critic_optimizer = self._adamw(
            self.critics, settings.critic_learning_rate, settings.weight_decay
        )

    def _targets_follow(self, actor_moved: bool) -> None:
        """Move the targets, after each update of the critics and each of the actor (actor_moved)."""
        if not actor_moved:
            follow(self.target_critics, self.critics, self.settings.tau)

    # One turn.

    def turn(self, phase: int, actor_learns: bool) -> None:
        """`num_updates` updates of the critics; every `policy_frequency`-th is followed by one of the actor.

        phase: how many critic updates lie behind the last multiple of policy_frequency.
        """
        settings = self.settings
        for i in range(1, settings.num_updates + 1):
            batch = self.draw()
            self.update_critics(batch)
            if actor_learns and (phase + i) % settings.policy_frequency == 0:
                self.update_actor(batch)

    def draw(self) -> Batch:
        """A batch from the replay, mirrored if asked, normalised by today's statistics; rewards by their own task's."""
        batch = self.replay.sample(self.settings.batch_size, self.generator)
        if self.scale is not None:
            batch = batch._replace(reward=batch.reward * self.scale.scale_of(batch.policy))
        if self.symmetry is not None:
            batch = self.symmetry.augment(batch)
        policy, next_policy = self.policy_norm(batch.policy), self.policy_norm(batch.next_policy)
        critic, next_critic = policy, next_policy
        if batch.critic is not batch.policy:
            critic, next_critic = self.critic_norm(batch.critic), self.critic_norm(batch.next_critic)
        return batch._replace(policy=policy, next_policy=next_policy, critic=critic, next_critic=next_critic)

    def update_critics(self, batch: Batch) -> None:
        """One step of the critics towards the target, and of the target critics towards them."""
        batch, next_action = self._look_ahead(batch)
        with self._precision():
            loss, info = self.critic_loss(
                batch, next_action, self.critics, self.target_critics, self.atoms, self.settings.use_cdq
            )
        norm = self._step(self.critic_optimizer, self.critics, loss)
        self.meter.add("critic", {**info, "grad_norm/critic": norm})
        self._targets_follow(actor_moved=False)

    def update_actor(self, batch: Batch) -> None:
        """One step of the actor uphill; the critics' own gradients are not computed."""
        with self._precision():
            loss, info = self._judge_actor(batch)
        norm = self._step(self.actor_optimizer, self.actor, loss)
        self.meter.add("actor", {**info, "grad_norm/actor": norm})
        self._targets_follow(actor_moved=True)

    def _noise(self, batch: Batch) -> Tensor:
        """Standard normal, as the batch's actions `[B, actions]`."""
        return torch.randn(batch.action.shape, generator=self.generator, device=self.device)

    def _step(self, optimizer: torch.optim.Optimizer, module: nn.Module, loss: Tensor) -> Tensor:
        """One optimiser step; returns the gradient's norm before clipping, of the ranks' mean."""
        parameters = learnt(module)
        scaled = loss if self.scaler is None else self.scaler.scale(loss)
        for parameter, gradient in zip(parameters, torch.autograd.grad(scaled, parameters)):
            parameter.grad = gradient
        self.gradients[module].average()
        if self.scaler is not None:
            self.scaler.unscale_(optimizer)
        if self.settings.max_grad_norm > 0:
            norm = nn.utils.clip_grad_norm_(parameters, self.settings.max_grad_norm)
        else:
            norm = _norm([parameter.grad for parameter in parameters])
        if self.scaler is None:
            optimizer.step()
        else:
            self.scaler.step(optimizer)
            self.scaler.update()
        project(module.modules())
        return norm

    def _precision(self) -> torch.autocast:
        """A context of 16-bit arithmetic, where asked.

        One for each forward pass: autocast keeps its 16-bit weights until the context ends, and those made without
        gradients must not be met again where gradients are wanted.
        """
        settings = self.settings
        dtype = torch.float16 if settings.amp_dtype == "fp16" else torch.bfloat16
        return torch.autocast(self.device.type, dtype, enabled=settings.low_precision)

    # Between turns.

    def set_learning_rates(self, step: int) -> None:
        """Follow the schedules; step: env steps of every env so far."""
        settings = self.settings
        for optimizer, start, end in self._rates():
            rate = scheduled(settings.lr_schedule, start, end, step / settings.schedule_steps)
            for group in optimizer.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def _rates(self) -> list[tuple[torch.optim.Optimizer, float, float]]:
        """The learning rates that change: of which optimiser, from what, and to what."""
        settings = self.settings
        return [
            (self.actor_optimizer, settings.actor_learning_rate, settings.actor_learning_rate_end),
            (self.critic_optimizer, settings.critic_learning_rate, settings.critic_learning_rate_end),
        ]

    def use_compiled_losses(self) -> None:
        """Let torch.compile fuse the losses (forward and backward)."""
        self.critic_loss = torch.compile(type(self).plain_critic_loss)
        self.actor_loss = torch.compile(type(self).plain_actor_loss)

    def use_plain_losses(self) -> None:
        """The losses as they are written."""
        self.critic_loss, self.actor_loss = type(self).plain_critic_loss, type(self).plain_actor_loss

    # What there is to save.

    def state(self) -> dict[str, Any]:
        """Networks, targets, the optimisers' moments and the scaler; learning rates follow from the step."""
        state: dict[str, Any] = {name: module.state_dict() for name, module in self._modules().items()}
        state.update({name: list(_slots(optimizer)) for name, optimizer in self._optimizers().items()})
        if self.scaler is not None:
            state["scaler"] = self.scaler.state_dict()
        return state

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from `state()`, in place: captured graphs stay valid."""
        with torch.no_grad():
            for name, module in self._modules().items():
                # A target that there was none of begins as what it follows
                module.load_state_dict(state.get(name, state[name.replace("target_", "", 1)]))
            for name, optimizer in self._optimizers().items():
                for mine, saved in zip(_slots(optimizer), state[name]):
                    for key, tensor in mine.items():
                        tensor.copy_(saved[key])
        if self.scaler is not None and "scaler" in state:
            self.scaler.load_state_dict(state["scaler"])

    def copy_to_targets(self) -> None:
        """Make every target network equal to the one that it follows, in place."""
        modules = self._modules()
        for name, module in modules.items():
            if name.startswith("target_"):
                module.load_state_dict(modules[name[len("target_") :]].state_dict())

    def tensors(self) -> list[Tensor]:
        """Every tensor that a turn changes, `[...]` of any shape."""
        found = [tensor for module in self._modules().values() for tensor in module.state_dict().values()]
        for optimizer in self._optimizers().values():
            found += [tensor for slot in _slots(optimizer) for tensor in slot.values()]
        return found + self._scaler_tensors() + self.meter.tensors()

    def _scaler_tensors(self) -> list[Tensor]:
        if self.scaler is None:
            return []
        self.scaler.scale(torch.zeros((), device=self.device))  # it makes its tensors at first use
        return [self.scaler._scale, self.scaler._growth_tracker]  # type: ignore[list-item]

    def _modules(self) -> dict[str, nn.Module]:
        return {"actor": self.actor, "critics": self.critics, "target_critics": self.target_critics}

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"actor_optimizer": self.actor_optimizer, "critic_optimizer": self.critic_optimizer}

    def _adamw(self, module: nn.Module, rate: float, weight_decay: float) -> torch.optim.AdamW:
        """Fused AdamW with its state already made, so that a graph and a snapshot find all tensors from the start."""
        parameters = learnt(module)
        self.gradients[module] = ranks.Gradients(parameters)
        cuda = parameters[0].is_cuda
        optimizer = AdamW(
            parameters,
            lr=torch.tensor(rate, device=parameters[0].device) if cuda else rate,
            betas=(0.9, self.settings.adam_beta2),
            weight_decay=weight_decay,
            fused=True,
            capturable=cuda,
        )
        for parameter in parameters:
            optimizer.state[parameter] = {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        return optimizer


def learnt(module: nn.Module) -> list[nn.Parameter]:
    """The parameters that learn; a network of others may have frozen ones."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def _slots(optimizer: torch.optim.Optimizer) -> Iterator[dict[str, Tensor]]:
    """The state of each parameter, in the order of the parameters."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            yield optimizer.state[parameter]


def frozen_copy(module: nn.Module) -> Any:
    """A copy that no gradient reaches."""
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def follow(target: nn.Module, online: nn.Module, tau: float) -> None:
    """target ← target + tau (online - target)."""
    slow: list[Tensor] = list(target.parameters())
    fast: list[Tensor] = list(online.parameters())
    torch._foreach_lerp_(slow, fast, tau)  # pyright: ignore[reportPrivateImportUsage]


def _norm(gradients: list[Tensor | None]) -> Tensor:
    found = [gradient for gradient in gradients if gradient is not None]
    norms = torch._foreach_norm(found)  # pyright: ignore[reportPrivateImportUsage]
    return torch.stack(list(norms)).norm()
