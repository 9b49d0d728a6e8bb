"""The guide's commands, taken apart; as a script it composes each of them (any Python from 3.8, no torch).

python tests/support/guide.py
"""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ROOT / "tests" / "data" / "guide_commands.txt"


def train_commands() -> list[list[str]]:
    """The words after `train.py` of every line that starts it."""
    found = []
    for line in COMMANDS.read_text(encoding="utf-8").splitlines():
        for command in line.split(";"):
            words = shlex.split(command, comments=True)
            if "train.py" in words:
                launched = ["--local-rank=0"] if "torch.distributed.launch" in words else []
                found.append(launched + words[words.index("train.py") + 1 :])
    return found


def conf_with_my_task(folder: Path) -> Path:
    """A copy of conf/ with the guide's `cp conf/train/BaseTaskPPO.yaml conf/train/MyTaskPPO.yaml` done."""
    conf = folder / "conf"
    shutil.copytree(str(ROOT / "conf"), str(conf))
    shutil.copy(str(conf / "train" / "BaseTaskPPO.yaml"), str(conf / "train" / "MyTaskPPO.yaml"))
    return conf


def main() -> None:
    """Compose every command and say how many there were."""
    sys.path.insert(0, str(ROOT))
    from rlkit.config import compose, from_yaml
    from rlkit.config.facts.machine import Machine

    machine = Machine(cores=2, simulators=frozenset({"mujoco"}))
    with tempfile.TemporaryDirectory() as folder:
        conf = conf_with_my_task(Path(folder))
        commands = train_commands()
        for words in commands:
            experiment = compose(words, conf_dir=conf, machine=machine)
            assert from_yaml(experiment.to_yaml()) == experiment, words
    assert "torch" not in sys.modules
    print(f"{len(commands)} commands compose on Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
