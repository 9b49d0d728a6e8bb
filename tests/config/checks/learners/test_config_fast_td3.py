"""The `train` section of FastTD3: what `auto` becomes, what is refused, and the memory of the replay."""

from __future__ import annotations

import dataclasses

import pytest

from rlkit.config import ConfigError, compose, from_yaml
from rlkit.config.checks.replay_memory import Replay, check
from rlkit.config.facts.machine import Machine
from rlkit.config.files import task_source
from rlkit.config.files.terms import observation_sizes
from rlkit.learners.fast_td3.settings import Settings
from rlkit.learners.settings import read_settings
from rlkit.sims.facts import USABLE

CPU = Machine(cores=4, simulators=frozenset(USABLE), cpu_bf16=True)
# A GPU that physics runs on too, with 5 GB free; 64 GB of main memory.
CUDA = Machine(
    cores=16,
    cuda_devices=2,
    simulators=frozenset(USABLE),
    cpu_only=frozenset(),
    memory=int(64e9),
    gpu_memory=lambda index: int(5e9) if index == 0 else int(80e9),
)
BOTH = dataclasses.replace(CUDA, cpu_only=frozenset(USABLE))  # a GPU, and physics on the CPU


def train(line: str, machine: Machine = CPU):
    return compose(["train=FastTD3", *line.split()], machine=machine).train


def refused(line: str, machine: Machine = CPU) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(["train=FastTD3", *line.split()], machine=machine)
    assert len(caught.value.messages) == 1, caught.value.report()
    return caught.value.messages[0]


def test_auto_follows_the_device_and_the_length_of_the_run():
    cpu, cuda = train("numEnvs=64 maxIter=50"), train("numEnvs=64 maxIter=50", CUDA)
    assert (cpu["batch_size"], cuda["batch_size"]) == (1024, 32768)
    assert cpu["buffer_size"] == cpu["schedule_steps"] == 32 * 50
    assert (cpu["amp"], cuda["amp"]) == ("auto", True)
    assert (cpu["num_updates"], train("numEnvs=64 train.num_updates=auto")["num_updates"]) == (2, 64)


@pytest.mark.parametrize(
    ("num_envs", "size"), [(8, 125_000), (64, 15_625), (97, 10_309), (98, 10_240), (4096, 10_240)]
)
def test_the_ring_keeps_a_million_transitions_or_10240_steps(num_envs, size):
    assert train(f"numEnvs={num_envs} maxIter=100000")["buffer_size"] == size


def test_counts_of_all_environments_are_shared_out():
    settings = train("numEnvs=48 train.buffer_total=1000 train.learning_starts_total=500")
    assert (settings["buffer_size"], settings["learning_starts"]) == (21, 11)  # 20.8 and 10.4, rounded up
    assert train("maxIter=1 train.horizon_length=2 train.learning_starts=1 train.num_steps=5")[
        "buffer_size"
    ] == (6)


@pytest.mark.slow
def test_16_bit_arithmetic_wants_instructions_for_it_and_a_clock_that_agrees():
    plain = dataclasses.replace(CPU, cpu_bf16=False)
    assert train("", plain)["amp"] is False
    assert train("")["amp"] == "auto"  # rlkit.runtime.tuning decides
    assert train("test=true checkpoint=x")["amp"] is False
    assert train("train.amp=true", plain)["amp"] is True
    assert train("train.amp_dtype=fp16")["amp"] is False
    assert train("train.amp_dtype=fp16", CUDA)["amp"] is True
    assert "write train.amp_dtype=bf16" in refused("train.amp_dtype=fp16 train.amp=true")


@pytest.mark.slow
def test_updates_are_made_while_the_envs_step_only_where_physics_and_learner_are_on_the_cpu():
    assert train("train.overlap=true")["overlap"] is True and train("")["overlap"] is False
    ranks = dataclasses.replace(CPU, ranks=2, ranks_here=2)
    gym = "task=Gym env.id=Pendulum-v1"
    for line, machine, why in (
        ("", BOTH, "on cuda:0 a step and its updates take turns; they go side by side with device=cpu"),
        ("sim=warp", CUDA, "sim=warp and updates take turns; only sim=mujoco steps beside them"),
        (gym, CPU, "Gymnasium environments and updates take turns; only sim=mujoco steps beside them"),
        ("", ranks, "with 2 ranks a step and its updates take turns; one process has them side by side"),
    ):
        told = f"train.overlap=true: {why}; write train.overlap=false"
        assert refused(f"{line} train.overlap=true", machine) == told


def test_plain_td3_is_what_the_paper_says():
    settings = compose(["train=TD3", "numEnvs=16", "maxIter=3000"], machine=CPU).train
    asked = {
        "num_atoms": 1, "target_actor": True, "batch_size": 256, "buffer_size": 62_500, "tau": 0.005,
        "learning_starts": 625, "warmup": "random", "policy_frequency": 2, "num_updates": 16,
        "policy_noise": 0.2, "noise_clip": 0.5, "std_min": 0.1, "std_max": 0.1, "gamma": 0.99,
        "weight_decay": 0.0, "obs_normalization": False, "lr_schedule": "constant",
        "actor_learning_rate": 3e-4, "critic_learning_rate": 3e-4,
    }  # fmt: skip
    assert {name: settings[name] for name in asked} == asked
    assert settings["actor_units"] == settings["critic_units"] == (256, 256)


def test_the_learner_takes_every_setting_that_the_file_has():
    settings = read_settings(Settings, train("numEnvs=64 maxIter=50"))
    assert (settings.buffer_size, settings.batch_size, settings.actor_units) == (1600, 1024, (512, 256, 128))


@pytest.mark.slow
def test_a_gpu_learns_from_physics_on_the_cpu():
    fast = compose(["train=FastTD3"], machine=BOTH)
    assert (fast.env.device, fast.env.num_envs, fast.train["batch_size"]) == ("cuda:0", 128, 32768)
    assert not any("copied" in note for note in fast.notes)
    assert compose([], machine=BOTH).env.device == "cpu"
    tested = compose(["train=FastTD3", "test=true", "checkpoint=x"], machine=BOTH)
    assert (tested.env.device, tested.env.num_envs) == ("cpu", 64)


def test_evaluation_and_threads_follow_the_learner():
    fast, ppo = compose(["train=FastTD3"], machine=CPU).training, compose([], machine=CPU).training
    assert (fast.eval_interval, fast.eval_envs, fast.threads) == (50, 32, "auto")
    assert (ppo.eval_interval, ppo.eval_envs, ppo.threads) == (0, 32, "auto")
    one_core = dataclasses.replace(CPU, cores=1)
    assert compose(["train=FastTD3"], machine=one_core).training.threads == 1
    assert compose(["test=true", "checkpoint=x"], machine=CPU).training.threads == 1
    assert compose(["training.threads=3"], machine=CPU).training.threads == 3
    assert compose(["train=FastTD3", "device=cuda"], machine=CUDA).training.threads == CUDA.cores
    assert compose(["training.evalInterval=7"], machine=CPU).training.eval_interval == 7


WRONG = [
    ("train.v_min=5 train.v_max=5", "train.v_min=5: must be below train.v_max=5"),
    ("train.std_min=0.5", "write train.std_min=0.4 train.std_max=0.5"),
    ("train.network=simba train.critic_units=[64,64]", "write train.actor_units=[512,512,512]"),
    ("maxIter=3 train.learning_starts=96", "32 x 3 = 96 steps of every environment"),
    ("maxIter=3 train.learning_starts=96", "write maxIter=4 or train.learning_starts=48"),
    ("maxIter=3 train.learning_starts_total=960 numEnvs=8", "or train.learning_starts_total=384"),
    ("maxIter=3 train.actor_starts=86", "before the actor learns, at step 96; write maxIter=4"),
    ("train.buffer_size=9", "do not fit into train.buffer_size=9; write train.buffer_size=10"),
    ("train.buffer_size=50 train.num_steps=50", "need 51 steps of every environment or more"),
    ("train.buffer_total=80 numEnvs=16", "write train.buffer_total=160"),
    ("train.buffer_total=800 train.buffer_size=60", "are both given; write train.buffer_total=null"),
]


@pytest.mark.parametrize(("line", "message"), WRONG, ids=[f"{line} {len(text)}" for line, text in WRONG])
def test_what_cannot_learn_is_refused_with_what_can(line, message):
    assert message in refused(line)


@pytest.mark.parametrize(
    "line",
    [
        "maxIter=3 train.learning_starts=95",
        "maxIter=3 train.actor_starts=85",
        "train.buffer_size=10",
        "train.buffer_size=51 train.num_steps=50",
        "train.num_atoms=1 train.v_min=0 train.v_max=0",
        "train.network=simba train.actor_units=[64] train.critic_units=[128,128]",
        "train.std_min=0.4",
        "train.buffer_device=cpu",
        "test=true checkpoint=x maxIter=1 train.learning_starts=99",
    ],
)
def test_the_nearest_that_can_is_taken(line):
    experiment = compose(["train=FastTD3", *line.split()], machine=CPU)
    assert from_yaml(experiment.to_yaml()) == experiment


# BaseTask observes 6+6+12+12+7+5+18+6+12+35+35 = 154 numbers and has 18 actions.
# 1024 envs x (10241 slots x (154x4 + 19x4 + 1) + (10240 // 300 + 3) final rows x 154x4) = 7.29e9 bytes.
LARGE = "numEnvs=1024 train.buffer_size=10240"


def test_a_replay_that_the_gpu_cannot_hold_is_refused_with_what_fits():
    assert refused(LARGE, CUDA) == (
        "train.buffer_size=10240: needs 7.3 GB for 1024 envs, the GPU has 5.0 free; train.buffer_size=6300 fits "
        "(or train.buffer_dtype=bfloat16, or train.buffer_device=cpu)"
    )
    for words in (
        "train.buffer_size=6300",
        "train.buffer_dtype=bfloat16",
        "train.buffer_device=cpu",
        "device=cuda:1",
    ):
        assert train(f"{LARGE} {words}", CUDA)["gamma"] == 0.99


def test_main_memory_is_what_a_replay_on_the_cpu_needs():
    small = dataclasses.replace(CPU, memory=int(4e9))
    message = refused(LARGE, small)
    assert "7.3 GB for 1024 envs, main memory has 4.0 free; train.buffer_size=5000 fits" in message
    assert "bfloat16" not in message and "buffer_device" not in message  # 4.05 GB; and it is there already
    assert "needs 7.3 GB" in refused(
        f"{LARGE} train.buffer_device=cpu", dataclasses.replace(CUDA, memory=int(7e9))
    )
    total = refused(f"numEnvs=1024 train.buffer_total={1024 * 10240}", small)
    assert f"train.buffer_total={5000 * 1024} fits" in total
    assert "env.numEnvs=" in refused(f"{LARGE} train.learning_starts=10000 maxIter=1000", small)
    assert train(LARGE)["buffer_size"] == 10240  # memory unknown: nothing to say


def test_ranks_of_one_machine_have_a_replay_each_in_its_main_memory():
    two = dataclasses.replace(CPU, memory=int(8e9), ranks=4, ranks_here=2)
    assert (
        "needs 14.6 GB for 1024 envs on each of 2 ranks, main memory has 8.0 free; train.buffer_size=5000"
        in (refused(LARGE, two))
    )
    assert train(f"{LARGE} train.buffer_size=5000", two)["buffer_size"] == 5000
    gpus = dataclasses.replace(CUDA, memory=int(9e9), gpu_memory=lambda _: int(5e9), ranks=2, ranks_here=2)
    assert "for 1024 envs, the GPU has 5.0 free" in refused(LARGE, gpus)  # one each
    assert "buffer_device=cpu" not in refused(LARGE, gpus)


def test_the_gpu_is_asked_only_where_its_answer_matters():
    def fail(_index: int) -> int:
        raise AssertionError("nvidia-smi takes its time")

    machine = dataclasses.replace(CUDA, gpu_memory=fail)
    compose([], machine=machine)
    train("device=cpu", machine)
    train("train.buffer_device=cpu", machine)
    train("test=true checkpoint=x", machine)
    train("task=Gym env.id=Pendulum-v1", machine)
    assert "minibatch" not in refused("train.std_min=0.5", machine)


@pytest.mark.parametrize(("steps", "limit"), [(100, 300), (10240, 300), (10240, 20), (500, 500)])
@pytest.mark.parametrize("width", [2, 4])
def test_the_estimate_is_what_the_buffer_takes(steps, limit, width):
    from rlkit.learners.off_policy.replay.buffer import ReplayBuffer

    exact = ReplayBuffer.bytes_needed(
        64,
        steps,
        154,
        154,
        18,
        max_episode_length=limit,
        dtype_bytes=width,
        asymmetric=False,
        policy_in_critic=False,
    )
    estimate = Replay(64, 154, 18, limit, True).bytes(steps, width)
    assert estimate == pytest.approx(exact, rel=2e-3)


def test_the_bytes_by_hand():
    assert Replay(1024, 154, 18, 300, True).bytes(10240, 4) == 1024 * (10241 * 693 + 37 * 616)
    assert Replay(1, 3, 2, 5, True).bytes(10, 2) == 11 * (6 + 12 + 1) + 5 * 6
    assert Replay(1, 1, 1, 2, True).bytes(1000, 4) == 1001 * (4 + 8 + 2) + 503 * 4


def test_sizes_read_from_the_source_are_those_of_the_class(tmp_path, monkeypatch):
    from rlkit.tasks.registry import task_class

    for task in ("BaseTask", "BoxGrasping"):
        declared = task_class(task).terms("observation")
        assert observation_sizes({"name": task}) == declared
    monkeypatch.setattr(task_source, "TASKS", tmp_path)
    (tmp_path / "mine.py").write_text(
        "class Mine(Task):\n    @observation(SIZE)\n    def one(self): ...\n    @observation(3)\n    def two(self): ..."
    )
    assert observation_sizes({"name": "Mine"}) == {"two": 3}
    assert observation_sizes({"name": "Nowhere"}) is None


def test_where_the_number_of_actions_is_not_known_32_are_assumed_and_it_says_about():
    experiment = compose(["train=FastTD3", *LARGE.split(), "train.buffer_device=cpu"], machine=CUDA)
    plain = experiment.sections()
    del plain["task"]["policyControlsFingers"]
    # 1024 x (10241 x (154x4 + 33x4 + 1) + 37 x 154x4) = 7.88e9
    (message,) = check(plain, dataclasses.replace(CUDA, memory=int(7.8e9)))
    assert "needs about 7.9 GB" in message
    assert check(plain, dataclasses.replace(CUDA, memory=int(7.9e9))) == []
