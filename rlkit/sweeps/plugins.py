"""What Hydra starts a sweep with: our launchers and sweepers, under names that `hydra/launcher=` and its like take."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any, Sequence

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper

from rlkit.config.sweep import Spread, spread
from rlkit.errors import BAD_REQUEST, ConfigError, RlkitError
from rlkit.runtime.process.ranks import from_environment
from rlkit.sweeps.grid import carry_out_grid
from rlkit.sweeps.launcher import ProcessLauncher
from rlkit.sweeps.request import PACKAGE, Request, SweepEnded, ask, asked
from rlkit.sweeps.search import Settings, carry_out_search


def install(request: Request) -> None:
    """Make our launchers and sweepers known to Hydra, for this command line. Raises ConfigError."""
    if request.words.sweep and from_environment().size > 1:
        raise ConfigError("-m: each of several ranks would sweep; start a sweep with python, not torchrun")
    ask(request)
    plugins = Plugins.instance()  # which has looked for those of others, whose names may be the same
    for plugin in (ProcessLauncher, GridSweeper, OptunaSweeper):
        plugins.register(plugin)
    # Hydra takes them from its own package alone; a real one would be imported at every start of every program.
    package: Any = sys.modules.setdefault("hydra_plugins", ModuleType("hydra_plugins"))
    package.rlkit = sys.modules[__name__]
    presets = {
        "launcher/basic": (ProcessLauncher, {"n_jobs": 1}),
        "launcher/joblib": (ProcessLauncher, {"n_jobs": -1}),
        "sweeper/basic": (GridSweeper, {"max_batch_size": None, "params": None}),
        "sweeper/optuna": (OptunaSweeper, {**asdict(Settings()), "params": None}),
    }
    for name, (plugin, settings) in presets.items():
        group, _, option = name.partition("/")
        node = {"_target_": f"{PACKAGE}.{plugin.__name__}", **settings}
        ConfigStore.instance().store(group=f"hydra/{group}", name=option, node=node, provider="rlkit")


class _Sweeper(Sweeper):
    """What our sweepers share: Hydra's words become settings with their values, mistakes end the request."""

    def __init__(self, params: Any = None) -> None:
        super().__init__()
        self.params = dict(params or {})

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        """As Hydra asks for it."""
        self.folder, self._config_loader = Path(config.hydra.sweep.dir), hydra_context.config_loader
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Carry out the sweep of these words; ends in SweepEnded."""
        parser = OverridesParser.create(config_loader=self._config_loader)
        lines = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        try:
            status = self.carry_out(spread(parser.parse_overrides(lines)))
        except RlkitError as error:
            raise SweepEnded(BAD_REQUEST, error) from error
        raise SweepEnded(status)

    def carry_out(self, settings: Sequence[Spread]) -> int:
        """Check, start, wait; the exit status. Raises RlkitError where nothing can start."""
        raise NotImplementedError


class GridSweeper(_Sweeper):
    """Every combination of the values. max_batch_size: jobs that are handed to a launcher of others at once."""

    __module__ = PACKAGE

    def __init__(self, max_batch_size: Any = None, params: Any = None) -> None:
        super().__init__(params)
        self.max_batch_size = max_batch_size

    def carry_out(self, settings: Sequence[Spread]) -> int:
        """As of every sweeper."""
        return carry_out_grid(self.launcher, self.folder, asked(), settings, self.max_batch_size)


class OptunaSweeper(_Sweeper):
    """Trials that Optuna chooses; `search.Settings` tells what there is to set."""

    __module__ = PACKAGE

    def __init__(self, params: Any = None, **settings: Any) -> None:
        super().__init__(params)
        self.settings = settings

    def carry_out(self, settings: Sequence[Spread]) -> int:
        """As of every sweeper."""
        return carry_out_search(self.launcher, self.folder, asked(), settings, self.settings)
