"""The schema as data: one line a setting. Checks, did-you-mean, help, docs and completion all read it.

A name that ends in `*` describes every key below that section. Settings under `task` that have no
line here are those that the chosen task's YAML declares; their type is that of the YAML value.
The settings of the learners are in train_keys.py, those of task.randomization in randomization.py.
"""

from __future__ import annotations

from typing import Dict, Tuple

from rlkit.config.randomization import KEYS as RANDOMIZATION_KEYS
from rlkit.config.train_keys import LEARNER_KEYS as LEARNER_KEYS
from rlkit.config.train_keys import Key

GROUPS = ("sim", "physics", "env", "task", "train")
SECTIONS = ("sim", "env", "task", "train", "training", "testing", "logging", "experiment")

# Of `training`: what is set in iterations, and in env-steps.
STEPS = {
    "maxIterations": "maxSteps",
    "checkpointInterval": "checkpointSteps",
    "evalInterval": "evalSteps",
}

OPEN = ("env.kwargs", "task.randomization.observationNoise")  # sections that take names of others

# What rlkit itself reads of every task. A line of another task.* setting holds for rlkit's own tasks and those on top
# of them; elsewhere the name is free for settings of other kinds.
EVERY_TASK = (
    "name",
    "engine",
    "episodeLength",
    "controlPeriod",
    "controlMode",
    "cpuNumEnvs",
    "envMemory",
    "wrapper",
    "packages",
    "install",
    "observations",
    "rewardWeights",
    "termination",
    "terminationRewards",
    "randomization",
)

ALIASES: Dict[str, str] = {
    "numEnvs": "env.numEnvs",
    "test": "training.test",
    "checkpoint": "training.checkpoint",
    "seed": "training.seed",
    "render": "env.render",
    "device": "env.device",
    "maxIter": "training.maxIterations",
    "logLevel": "logging.logLevel",
    "viewer": "env.viewer",
}

COMMON_KEYS: Tuple[Key, ...] = (
    Key(
        "sim.name",
        "auto|mujoco|mjx|warp|isaacgym|genesis|isaaclab|gymnasium",
        "",
        "simulator; auto takes the one that fits the task best",
    ),
    Key("sim.numThreads", "int >= 1 or auto", "", "physics threads; auto takes every core"),
    Key("sim.dt", "float in (0, 0.1]", "s", "one simulator step; task.controlPeriod is a multiple of it"),
    Key("sim.substeps", "int in [1, 64]", "", "integrator steps in each simulator step of dt"),
    Key("sim.iterations", "int in [1, 1000]", "", "largest number of constraint solver iterations"),
    Key("sim.lsIterations", "int in [1, 1000]", "", "largest number of line search iterations of the solver"),
    Key("sim.solver", "newton|cg", "", "constraint solver"),
    Key("sim.cone", "pyramidal|elliptic", "", "friction cone; elliptic is exact, pyramidal is quicker"),
    Key("sim.impratio", "float in [0.01, 1000]", "", "stiffness of friction relative to that of contact"),
    Key("sim.integrator", "euler|implicit|implicitfast", "", "time integrator"),
    Key(
        "sim.maxContacts",
        "int >= 0",
        "points",
        "contacts in an environment that every simulator but mujoco has room for; 0: as the scene needs",
    ),
    Key("env.numEnvs", "int in [1, 1000000] or auto", "", "environments that step together"),
    Key("env.device", "auto or cpu or cuda or cuda:N", "", "where observations, policy and learning live"),
    Key("env.render", "bool or null", "", "show a viewer; null: in a test, and where a viewer is asked for"),
    Key(
        "env.viewer",
        "auto|native|web",
        "",
        "a window, or a page for the browser; auto: a window with a display",
    ),
    Key(
        "env.viewerHost",
        "text",
        "",
        "address that the web viewer listens on; 0.0.0.0 lets other machines look",
    ),
    Key("env.viewerPort", "int in [0, 65535]", "", "its port; 0 takes a free one"),
    Key("env.recordVideo", "bool", "", "render videos of recorded states into the run's videos/"),
    Key("env.videoWidth", "int in [64, 4096]", "pixels", "width of a video, or of each tile of a grid"),
    Key("env.videoHeight", "int in [64, 4096]", "pixels", "its height"),
    Key("env.camera", "text or null", "", "camera of the model that films; null frames the scene by itself"),
    Key("env.graphicsDeviceId", "int >= 0", "", "EGL device that draws videos"),
    Key("env.id", "text or null", "", "the Gymnasium environment of task=Gym, as HalfCheetah-v5"),
    Key("env.ids", "[] or list of text", "", "several of them instead: each episode draws one"),
    Key("env.kwargs.*", "any", "", "passed on to gymnasium.make, as env.kwargs.forward_reward_weight=2.0"),
    Key("env.vectorization", "auto|sync|async", "", "Gymnasium environments in this process or in others"),
    Key("task.name", "text", "", "the task; follows task=<name> and is never set alone"),
    Key("task.engine", "simulator|gymnasium", "", "what steps the task; never set alone"),
    Key(
        "task.episodeLength",
        "int in [2, 1000000] or auto",
        "control steps",
        "longest episode; auto: the Gymnasium environment's own limit, 1000 where it has none",
    ),
    Key("task.controlPeriod", "float in (0, 1]", "s", "time between two actions"),
    Key(
        "task.cpuNumEnvs",
        "int in [1, 1000000]",
        "",
        "what env.numEnvs=auto means where physics runs on the CPU",
    ),
    Key(
        "task.wrapper",
        "text or null",
        "",
        "function that wraps each Gymnasium environment, as module:function",
    ),
    Key("task.packages", "[] or list of text", "", "Python modules that the task needs; imported first"),
    Key(
        "task.envMemory",
        "float > 0 or auto",
        "MB",
        "main memory that one Gymnasium environment takes; auto: measured where it may matter",
    ),
    Key("task.install", "text or null", "", "the command that installs them"),
    Key("task.actions", "joint_targets|torques", "", "what an action means to the robot's joints"),
    Key("task.decimation", "int in [1, 1000]", "steps", "steps of the environment in each control step"),
    Key("task.orientation", "bool", "", "append projected gravity and gyro to the observation"),
    Key("task.controlMode", "position|position_delta", "", "actions are targets, or changes of targets"),
    Key("task.policyControlsHandBase", "bool", "", "whether the policy moves the hand's base"),
    Key("task.policyControlsFingers", "bool", "", "whether the policy moves the fingers"),
    Key("task.maxBaseLinearVelocity", "float > 0", "m/s", "largest speed of a base translation target"),
    Key("task.maxBaseAngularVelocity", "float > 0", "rad/s", "largest speed of a base rotation target"),
    Key("task.maxFingerJointVelocity", "float > 0", "rad/s", "largest speed of a finger joint target"),
    Key("task.maxJointVelocity", "float > 0", "rad/s", "largest speed of a joint's target"),
    Key("task.maxGripperVelocity", "float > 0", "m/s", "largest speed of the fingers' target"),
    Key("task.actionRange", "float in (0, 1]", "", "share of the way from the stance to a joint's limits"),
    Key("task.fallHeight", "float > 0", "m", "height of the pelvis below which the episode has failed"),
    Key("task.successReturn", "float", "", "return of an episode that counts as solved"),
    Key("task.command.forward", "list of 2 float", "m/s", "commanded velocity forward: uniform"),
    Key("task.command.sideways", "list of 2 float", "m/s", "commanded velocity to the left: uniform"),
    Key(
        "task.command.yawRate",
        "list of 2 float",
        "rad/s",
        "commanded rate of turning, counter-clockwise: uniform",
    ),
    Key("task.command.standingShare", "float in [0, 1]", "", "share of the commands that are to stand still"),
    Key("task.command.time", "list of 2 float", "s", "how long a command holds: uniform"),
    Key("task.trackingWidth.linear", "float > 0", "m/s", "error of velocity that leaves 37 % of the reward"),
    Key("task.trackingWidth.yaw", "float > 0", "rad/s", "error of turning that leaves 37 % of the reward"),
    Key("task.gait.period", "float > 0", "s", "of the gait clock: two steps"),
    Key("task.gait.stance", "float in (0, 1)", "", "share of the period that a foot belongs on the ground"),
    Key("task.gait.swingHeight", "float >= 0", "m", "wanted height of a sole in the middle of its swing"),
    Key("task.softLimits", "float in (0, 1]", "", "the middle share of a joint's range that costs nothing"),
    Key(
        "task.successErrors.linear",
        "float > 0",
        "m/s",
        "largest mean error of velocity that counts as solved",
    ),
    Key(
        "task.successErrors.yaw", "float > 0", "rad/s", "largest mean error of turning that counts as solved"
    ),
    Key("task.goalSpace.low", "list of 3 float", "m", "corner of the box that goals lie in, world"),
    Key("task.goalSpace.high", "list of 3 float", "m", "its opposite corner"),
    Key("task.successDistance", "float > 0", "m", "distance from the grasp point within which it counts"),
    Key("task.targetHeight", "list of 2 float", "m", "how far above its start the box is wanted: uniform"),
    Key("task.contactForceThreshold", "float >= 0", "N", "force above which a finger counts as touching"),
    Key(
        "task.heightSafety.handBase",
        "float",
        "m",
        "lowest height of the hand's base before the episode fails",
    ),
    Key("task.heightSafety.fingertip", "float", "m", "lowest height of a fingertip before the episode fails"),
    Key("task.initialPose.handPosition", "list of 3 float", "m", "where the hand's base begins, world"),
    Key("task.initialPose.handRotation", "list of 3 float", "rad", "how it is turned about x, y, z"),
    Key("task.initialPose.fingers", "list of 12 float", "rad", "the twelve finger controls at the beginning"),
    Key("task.initialPose.joints", "list of 7 float", "rad", "the arm's joints at the beginning"),
    Key("task.initialPose.gripper", "float >= 0", "m", "each finger at the beginning"),
    Key("task.resetNoise.joints", "float >= 0", "rad", "uniform noise of the first joint angles, each way"),
    Key("task.resetNoise.height", "float >= 0", "m", "uniform noise of the first height, upwards"),
    Key(
        "task.resetNoise.yaw",
        "float in [0, 180]",
        "degrees",
        "which way it faces at first: uniform, each way",
    ),
    Key("task.resetNoise.handPosition", "float >= 0", "m", "uniform noise of the first position, each way"),
    Key("task.resetNoise.handRotation", "float >= 0", "rad", "uniform noise of the first rotation, each way"),
    Key(
        "task.resetNoise.fingers", "float >= 0", "rad", "uniform noise of the first finger controls, each way"
    ),
    Key("task.box.size", "float in (0, 1]", "m", "edge of the box"),
    Key("task.box.mass", "float > 0", "kg", "its mass"),
    Key("task.box.friction", "float >= 0", "", "its friction coefficient in all its contacts"),
    Key("task.box.xyRange", "float >= 0", "m", "where it begins: uniform around the origin, each way"),
    Key("task.box.xRange", "list of 2 float", "m", "where it begins: uniform, world"),
    Key("task.box.yRange", "list of 2 float", "m", "where it begins: uniform, world"),
    Key("task.box.yawRange", "float in [0, 180]", "degrees", "how it is turned at first: uniform, each way"),
    Key("task.successHeight", "float > 0", "m", "height that the box's centre must be held above"),
    Key("task.successDuration", "float > 0", "s", "for how long, without a break"),
    Key("task.minFingersForGrasp", "int in [1, 5]", "", "fingers that must be on the box meanwhile"),
    Key(
        "task.maxBoxDistance",
        "float > 0",
        "m",
        "distance of box and hand beyond which the episode has failed",
    ),
    Key("task.observations", "list of text", "", "observation terms of the policy, in order"),
    Key("task.rewardWeights.*", "float", "", "weight of one reward term, by the term's name; 0 turns it off"),
    Key("task.termination.success.*", "bool", "", "whether this criterion ends an episode as a success"),
    Key("task.termination.failure.*", "bool", "", "whether this criterion ends an episode as a failure"),
    Key("task.terminationRewards.success", "float", "", "reward added at the end of a successful episode"),
    Key("task.terminationRewards.failure", "float", "", "reward added at the end of a failed episode"),
    Key("task.terminationRewards.timeout", "float", "", "reward added when an episode runs out of time"),
    *RANDOMIZATION_KEYS,
    Key("training.seed", "int in [-1, 2147483647]", "", "seed of everything; -1 draws one and records it"),
    Key("training.maxIterations", "int >= 1", "iterations", "training stops after this many"),
    Key(
        "training.maxSteps",
        "int >= 1 or null",
        "env-steps",
        "training stops at the end of the iteration that reaches so many, in place of maxIterations",
    ),
    Key("training.test", "bool", "", "test a trained policy instead of training one"),
    Key("training.checkpoint", "path or null", "", "resume or test this: latest, a run, a folder or a file"),
    Key("training.resume", "auto or null", "", "auto: continue in the same run folder where it stood"),
    Key("training.initFrom", "path or null", "", "begin a new training with the weights of this file"),
    Key("training.torchDeterministic", "bool", "", "ask torch for deterministic algorithms (slower)"),
    Key("training.checkpointInterval", "int >= 1", "iterations", "how often a checkpoint is saved"),
    Key(
        "training.checkpointSteps",
        "int >= 1 or null",
        "env-steps",
        "how often a checkpoint is saved, in place of checkpointInterval",
    ),
    Key(
        "training.evalInterval",
        "int >= 0 or auto",
        "iterations",
        "how often the policy is evaluated; 0 never; auto: as the learner, the task and the run's length suggest",
    ),
    Key(
        "training.evalSteps",
        "int >= 1 or null",
        "env-steps",
        "how often the policy is evaluated, in place of evalInterval",
    ),
    Key("training.evalEnvs", "int >= 1", "episodes", "episodes of an evaluation, each in an env of its own"),
    Key(
        "training.videoInterval",
        "int >= 0 or auto",
        "iterations",
        "with env.recordVideo, how often an evaluation is filmed; auto: one in 100; 0: only the best, at the end",
    ),
    Key(
        "training.threads",
        "int >= 1 or auto",
        "",
        "torch threads; auto: the fewest that are quickest, timed at the start of a training; with CUDA every core",
    ),
    Key("testing.reloadInterval", "float >= 0", "s", "look for a newer checkpoint this often; 0 never"),
    Key("testing.gamesNum", "int >= 1 or null", "episodes", "episodes in all; null counts episodesPerEnv"),
    Key("testing.episodesPerEnv", "int >= 1", "episodes", "episodes that every environment plays"),
    Key("testing.stochastic", "bool", "", "act with the noise of training, not with the mean action"),
    Key(
        "testing.recordEnvs",
        "int >= 0",
        "envs",
        "environments whose episodes are recorded, from the first on",
    ),
    Key(
        "testing.recordEpisodes",
        "int >= 1 or null",
        "episodes",
        "of each of them, from the first on; null all",
    ),
    Key("testing.saveTrajectories", "bool", "", "keep the recorded episodes in the run's trajectories/"),
    Key(
        "testing.trajectoryStride", "int >= 1", "steps", "keep every which state; actions are always all kept"
    ),
    Key(
        "testing.trajectoryContent",
        "full|states|actions",
        "",
        "states: without observations; actions: without states",
    ),
    Key(
        "testing.video",
        "episodes|grid",
        "",
        "a video for each recorded episode, or one of all envs side by side",
    ),
    Key("logging.logLevel", "debug|info|warning|error", "", "how much the terminal and train.log are told"),
    Key("logging.logInterval", "int >= 1", "iterations", "how often a progress line is printed"),
    Key("logging.experimentName", "text or null", "", "name of the run; null: <Task>_<train|test>_<time>"),
    Key("experiment.maxRecentRuns", "int >= 1 or null", "runs", "runs linked in runs/, both kinds together"),
    Key("experiment.maxTrainRuns", "int >= 1", "runs", "training runs linked in runs/"),
    Key("experiment.maxTestRuns", "int >= 1", "runs", "test runs linked in runs/"),
    Key(
        "experiment.useCleanWorkspace", "bool", "", "runs live in runs_all/, links in runs/; false: all there"
    ),
    Key(
        "experiment.saveGitDiff", "bool", "", "keep the uncommitted changes of the code in the run's git.diff"
    ),
)
