"""The schema as data: one row a setting. Checks, did-you-mean, help, docs and completion all read it.

A name that ends in `*` describes every key below that section. Settings under `task` that have no
line here are those that the chosen task's YAML declares; their type is that of the YAML value.
Those of the other sections are declared in sections.py, of learners in their settings.py, of task.randomization in
randomization.py.
"""

from __future__ import annotations

from dataclasses import fields

from rlkit.config.schema.learner_keys import LEARNER_KEYS as LEARNER_KEYS
from rlkit.config.schema.learner_keys import OPEN as OPEN
from rlkit.config.schema.learner_keys import Key, key
from rlkit.config.schema.randomization import KEYS as RANDOMIZATION_KEYS
from rlkit.config.schema.sections import SECTION_CLASSES
from rlkit.config.schema.spelling import camel
from rlkit.config.schema.terrain import KEYS as TERRAIN_KEYS
from rlkit.objects.settings import SETS
from rlkit.tasks.robots.legged import LEGGED

GROUPS = ("sim", "physics", "env", "task", "train")
SECTIONS = ("sim", "env", "task", "train", "training", "testing", "logging", "experiment")

# Of `training`: what is set in iterations, and in env-steps.
STEPS = {"maxIterations": "maxSteps", "checkpointInterval": "checkpointSteps", "evalInterval": "evalSteps"}


# What rlkit itself reads of every task. A line of another task.* setting holds for rlkit's own tasks and those on top
# of them; elsewhere the name is free for settings of other kinds.
EVERY_TASK = (
    "name", "class", "engine", "episodeLength", "controlPeriod", "controlMode", "cpuNumEnvs", "envMemory",
    "wrapper", "packages", "install", "observations", "groups", "cameras", "history", "historyTerms", "rewardWeights",
    "termination", "terminationRewards", "randomization",
)  # fmt: skip

# Of these, what needs no line in a task's file, with what is meant then.
OPTIONAL: dict[str, object] = {"task.history": 1, "task.historyTerms": []}

ALIASES: dict[str, str] = {
    "numEnvs": "env.numEnvs",
    "test": "training.test",
    "checkpoint": "training.checkpoint",
    "seed": "training.seed",
    "render": "env.render",
    "device": "env.device",
    "maxIter": "training.maxIterations",
    "until": "training.until",
    "logLevel": "logging.logLevel",
    "viewer": "env.viewer",
    "motion": "task.motion",
}


def _declared(section: str) -> tuple[Key, ...]:
    """The settings that the class of a section declares."""
    return tuple(key(f"{section}.{camel(f.name)}", f.metadata) for f in fields(SECTION_CLASSES[section]))


# Name below `task`, type, unit, meaning.
_TASK = (
    ("name", "text", "", "the task; follows task=<name> and is never set alone"),
    ("class", "class", "", "class of a task outside of rlkit, as my_project.my_task:MyTask; never set alone"),
    ("engine", "simulator|gymnasium", "", "what steps the task; never set alone"),
    (
        "episodeLength",
        "int in [2, 1000000] or auto",
        "control steps",
        "longest episode; auto: the Gymnasium environment's own limit, 1000 where it has none",
    ),
    ("controlPeriod", "float in (0, 1]", "s", "time between two actions"),
    ("cpuNumEnvs", "int in [1, 1000000]", "", "what env.numEnvs=auto means where physics runs on the CPU"),
    ("wrapper", "text or null", "", "function that wraps each Gymnasium environment, as module:function"),
    ("packages", "[] or list of text", "", "Python modules that the task needs; imported first"),
    (
        "envMemory",
        "float > 0 or auto",
        "MB",
        "main memory that one Gymnasium environment takes; auto: measured where it may matter",
    ),
    ("install", "text or null", "", "the command that installs them"),
    ("actions", "joint_targets|torques", "", "what an action means to the robot's joints"),
    ("decimation", "int in [1, 1000]", "steps", "steps of the environment in each control step"),
    ("orientation", "bool", "", "append projected gravity and gyro to the observation"),
    ("controlMode", "position|position_delta", "", "actions are targets, or changes of targets"),
    ("policyControlsHandBase", "bool", "", "whether the policy moves the hand's base"),
    ("policyControlsFingers", "bool", "", "whether the policy moves the fingers"),
    ("maxBaseLinearVelocity", "float > 0", "m/s", "largest speed of a base translation target"),
    ("maxBaseAngularVelocity", "float > 0", "rad/s", "largest speed of a base rotation target"),
    ("maxFingerJointVelocity", "float > 0", "rad/s", "largest speed of a finger joint target"),
    ("maxJointVelocity", "float > 0", "rad/s", "largest speed of a joint's target"),
    ("maxGripperVelocity", "float > 0", "m/s", "largest speed of the fingers' target"),
    ("actionRange", "float in (0, 1]", "", "share of the way from the stance to a joint's limits"),
    ("robot", "|".join(LEGGED), "", "the humanoid, or the robot on four legs, that has the task"),
    ("actionScale", "float > 0", "rad", "how far from the stance an action of 1 puts a joint's target"),
    ("tiltLimit", "float in (0, 180]", "degrees", "tilt of the trunk beyond which the episode has failed"),
    (
        "fallHeight",
        "float > 0 or lying|stooped",
        "m",
        "height of the pelvis below which the episode has failed; the words stand for the robot's own: too low to be "
        "off the ground, or to walk",
    ),
    ("successReturn", "float", "", "return of an episode that counts as solved"),
    ("command.forward", "list of 2 float", "m/s", "commanded velocity forward: uniform"),
    ("command.sideways", "list of 2 float", "m/s", "commanded velocity to the left: uniform"),
    ("command.yawRate", "list of 2 float", "rad/s", "commanded rate of turning, counter-clockwise: uniform"),
    ("command.speed", "list of 2 float", "m/s", "commanded speed: uniform"),
    ("command.direction", "list of 2 float", "rad", "commanded direction in the world: uniform"),
    (
        "command.facing",
        "list of 2 float or ahead",
        "rad",
        "where to face in the world: uniform; ahead: where it is to go",
    ),
    ("command.change.speed", "float >= 0", "m/s", "how far from one command to the next: uniform, each way"),
    ("command.change.direction", "float >= 0", "rad", "the same of the direction"),
    ("command.change.facing", "float >= 0", "rad", "the same of where to face"),
    ("command.newShare", "float in [0, 1]", "", "share of the changes that are another command altogether"),
    ("command.standingShare", "float in [0, 1]", "", "share of the commands that are to stand still"),
    ("command.time", "list of 2 float", "s", "how long a command holds: uniform"),
    ("trackingWidth.linear", "float > 0", "m/s", "error of velocity that leaves 37 % of the reward"),
    ("trackingWidth.yaw", "float > 0", "rad/s", "error of turning that leaves 37 % of the reward"),
    ("gait.period", "float > 0", "s", "of the gait clock: two steps"),
    ("gait.stance", "float in (0, 1)", "", "share of the period that a foot belongs on the ground"),
    ("gait.swingHeight", "float >= 0", "m", "wanted height of a sole in the middle of its swing"),
    (
        "motion",
        "text or null",
        "",
        "clips: a shipped name, a file, a folder, a list (.yaml) or a packed file",
    ),
    ("trackedBodies", "[] or list of text", "", "bodies whose poses count; [] for all of the robot"),
    ("anchor", "text", "", "body by which the reference is moved to the robot: root, or its name"),
    ("mirrored", "bool", "", "whether each clip's mirror image is followed too"),
    ("targets", "list of float >= 0", "s", "moments of the reference that the policy sees, from now on"),
    ("action.mode", "absolute|residual", "", "actions around the clips' middle pose, or the reference's"),
    ("action.reach", "float > 0", "", "share of the torque limit that an action of 1 asks of the spring"),
    (
        "masking.show",
        "drawn|all|head_and_hands|keyframes|goals",
        "",
        "which targets of the reference a policy with masks sees: drawn as in training, or what a test is given",
    ),
    ("masking.goals", "text or null", "", "a .yaml of places that bodies are to reach in a test"),
    ("masking.reached", "float > 0", "m", "mean distance of bodies to their goals that counts as reached"),
    ("masking.bodies", "[] or list of text", "", "bodies of the targets; [] for pelvis, torso, feet, hands"),
    ("masking.only", "[] or list of text", "", "of these, what is shown where it is not drawn; [] for all"),
    ("masking.every", "float > 0", "s", "moments of a clip that keyframes are at"),
    ("masking.farthest", "float > 0", "s", "how far ahead the last target may lie"),
    ("masking.hold", "list of 2 float", "s", "how long a mask stays: uniform"),
    ("masking.allShown", "float in [0, 1]", "", "share of the masks that hide nothing"),
    ("masking.hidden", "float in [0, 1]", "", "share of the moments that are hidden as a whole"),
    ("start.atZero", "float in [0, 1]", "", "share of episodes that begin at their clip's start"),
    ("start.noise.position", "float >= 0", "m", "beside the reference's place, uniform, each way"),
    ("start.noise.height", "float >= 0", "m", "above the reference, uniform"),
    ("start.noise.rotation", "float >= 0", "rad", "of the root about each axis, uniform, each way"),
    ("start.noise.joints", "float >= 0", "rad", "of each joint, uniform, each way"),
    ("start.noise.velocity", "float >= 0", "m/s", "of the root along each axis, uniform, each way"),
    ("start.noise.turning", "float >= 0", "rad/s", "of the root about each axis, uniform, each way"),
    ("sampling.uniform", "float in (0, 1]", "", "share of the starts that do not look for what fails"),
    ("tolerance", "float > 0", "m", "distance of a tracked body that ends the episode (body_off)"),
    ("heightTolerance", "float > 0", "m", "of anchor_off_height and ends_off_height"),
    ("tiltTolerance", "float in (0, 2]", "", "of anchor_tilted: difference of the upright cosines"),
    ("successError", "float > 0", "m", "mean body error that a followed clip never passes"),
    ("widths.*", "float > 0", "", "sigma of a tracking term, in its unit: what leaves 37 % of it"),
    (
        "style.moments",
        "list of float >= 0",
        "s",
        "moments before now that a style is judged by: whole control periods",
    ),
    ("style.near", "float > 0", "spreads", "mean distance from the clips that counts as solved"),
    ("style.tolerance", "float > 0", "spreads", "distance from the clips of out_of_style"),
    ("style.patience", "float > 0", "s", "for how long it must be that far"),
    ("softLimits", "float in (0, 1]", "", "the middle share of a joint's range that costs nothing"),
    ("successErrors.linear", "float > 0", "m/s", "largest mean error of velocity that counts as solved"),
    ("successErrors.yaw", "float > 0", "rad/s", "largest mean error of turning that counts as solved"),
    ("goalSpace.low", "list of 3 float", "m", "corner of the box that goals lie in, world"),
    ("goalSpace.high", "list of 3 float", "m", "its opposite corner"),
    ("successDistance", "float > 0", "m", "distance from the grasp point within which it counts"),
    ("targetDistance", "float > 0", "m", "distance from the target within which the box is there"),
    ("targetHeight", "list of 2 float", "m", "how far above its start the box is wanted: uniform"),
    ("contactForceThreshold", "float >= 0", "N", "force above which a finger counts as touching"),
    ("heightSafety.handBase", "float", "m", "lowest height of the hand's base before the episode fails"),
    ("heightSafety.fingertip", "float", "m", "lowest height of a fingertip before the episode fails"),
    ("initialPose.handPosition", "list of 3 float", "m", "where the hand's base begins, world"),
    ("initialPose.handRotation", "list of 3 float", "rad", "how it is turned about x, y, z"),
    ("initialPose.fingers", "list of 12 float", "rad", "the twelve finger controls at the beginning"),
    ("initialPose.joints", "list of 7 float", "rad", "the arm's joints at the beginning"),
    ("initialPose.gripper", "float >= 0", "m", "each finger at the beginning"),
    ("resetNoise.joints", "float >= 0", "rad", "uniform noise of the first joint angles, each way"),
    ("resetNoise.height", "float >= 0", "m", "uniform noise of the first height, upwards"),
    ("resetNoise.yaw", "float in [0, 180]", "degrees", "which way it faces at first: uniform, each way"),
    ("resetNoise.handPosition", "float >= 0", "m", "uniform noise of the first position, each way"),
    ("resetNoise.handRotation", "float >= 0", "rad", "uniform noise of the first rotation, each way"),
    ("resetNoise.fingers", "float >= 0", "rad", "uniform noise of the first finger controls, each way"),
    ("box.size", "float in (0, 1]", "m", "edge of the box"),
    ("box.mass", "float > 0", "kg", "its mass"),
    ("box.friction", "float >= 0", "", "its friction coefficient in all its contacts"),
    ("box.xyRange", "float >= 0", "m", "where it begins: uniform around the origin, each way"),
    ("box.xRange", "list of 2 float", "m", "where it begins: uniform, world"),
    ("box.yRange", "list of 2 float", "m", "where it begins: uniform, world"),
    ("box.yawRange", "float in [0, 180]", "degrees", "how it is turned at first: uniform, each way"),
    (
        "objects",
        "[] or list of any or text",
        "",
        f"what is in the box's place: a set ({', '.join(SETS)}), or a list with an entry an object; []: the box",
    ),
    ("successHeight", "float > 0", "m", "height that the box's centre must be held above"),
    ("successDuration", "float > 0", "s", "for how long, without a break"),
    ("minFingersForGrasp", "int in [1, 5]", "", "fingers that must be on the box meanwhile"),
    ("maxBoxDistance", "float > 0", "m", "distance of box and hand beyond which the episode has failed"),
    ("observations", "list of text", "", "observation terms of the policy, in order"),
    (
        "groups.*",
        "list of text",
        "",
        "observation terms of another group, in order: of the critic, or of one that a learner asks for",
    ),
    (
        "cameras.*",
        "any",
        "",
        "a camera whose pictures the policy sees, by a name of yours; its settings: docs/images.md",
    ),
    (
        "history",
        "int in [1, 64]",
        "control steps",
        "how many of its latest observations the policy sees; 1 where a task says nothing",
    ),
    ("historyTerms", "[] or list of text", "", "terms of task.observations that it sees so; []: all of them"),
    ("rewardWeights.*", "float", "", "weight of one reward term, by the term's name; 0 turns it off"),
    ("termination.success.*", "bool", "", "whether this criterion ends an episode as a success"),
    ("termination.failure.*", "bool", "", "whether this criterion ends an episode as a failure"),
    ("terminationRewards.success", "float", "", "reward added at the end of a successful episode"),
    ("terminationRewards.failure", "float", "", "reward added at the end of a failed episode"),
    ("terminationRewards.timeout", "float", "", "reward added when an episode runs out of time"),
)
TASK_KEYS: tuple[Key, ...] = (
    *(Key(f"task.{name}", type_, unit, meaning) for name, type_, unit, meaning in _TASK),
    *TERRAIN_KEYS,
    *RANDOMIZATION_KEYS,
)
COMMON_KEYS: tuple[Key, ...] = (
    *_declared("sim"),
    *_declared("env"),
    *TASK_KEYS,
    *(key for section in ("training", "testing", "logging", "experiment") for key in _declared(section)),
)
