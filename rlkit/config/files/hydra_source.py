"""Hands Hydra the files that Conf has read: one reader of YAML, one meaning of a name, and no file parsed twice."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, List
from urllib.parse import quote, unquote

import hydra.conf
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import Container, OmegaConf

from rlkit.config.files.conf import Conf
from rlkit.config.files.conf_file import ConfFile

if TYPE_CHECKING:
    from hydra.core.config_search_path import ConfigSearchPath

_MARK = "/conf://"  # begins as the absolute path that Hydra wants
_PICKLED: dict[Path, tuple[ConfFile, bytes]] = {}


def hydra_path(conf: Conf) -> str:
    """What stands for the folders of `conf` where Hydra takes a folder of configurations."""
    for plugin in (_ConfSource, _ConfPath):
        Plugins.instance().register(plugin)
    return _MARK + _joined(conf.places)


def _joined(folders: tuple[Path, ...]) -> str:
    return ":".join(quote(str(folder)) for folder in folders)


class _ConfPath(SearchPathPlugin):
    """Lets Hydra find what `hydra_path` stands for, and its own files in the same way."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        path = search_path.get_path()
        if any(str(element.path).startswith(_MARK) for element in path):
            for element in path:
                if element.path == "pkg://hydra.conf":
                    element.path = f"conf://{_joined((Path(str(hydra.conf.__file__)).parent,))}"
                else:
                    element.path = str(element.path).replace(_MARK, "conf://", 1)


class _ConfSource(ConfigSource):
    """The files of a Conf."""

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider, path)
        self._conf = Conf(*(Path(unquote(folder)) for folder in self.path.split(":")))

    @staticmethod
    def scheme() -> str:
        return "conf"

    def load_config(self, config_path: str) -> ConfigResult:
        file = self._conf.file(_name(config_path))
        assert file is not None  # Hydra has asked is_config
        return ConfigResult(self.provider, self.full_path(), _made(file), {"package": file.header})

    def available(self) -> bool:
        return self.is_group("")

    def is_group(self, config_path: str) -> bool:
        return any((folder / config_path).is_dir() for folder in self._conf.places)

    def is_config(self, config_path: str) -> bool:
        group, _, option = _name(config_path).rpartition("/")
        return self._conf.has(group, option)

    def list(self, config_path: str, results_filter: ObjectType | None) -> List[str]:  # noqa: UP006
        found = [] if results_filter == ObjectType.GROUP else self._conf.options(config_path)
        if results_filter != ObjectType.CONFIG:
            inside = [path for folder in self._conf.places for path in (folder / config_path).glob("*")]
            found = [*found, *(path.name for path in inside if path.is_dir())]
        return sorted(set(found))


def _made(file: ConfFile) -> Container:
    """What a file holds as Hydra wants it, for itself: a copy by pickle takes a tenth of making it anew."""
    known = _PICKLED.get(file.path)
    if known is None or known[0] is not file:
        _PICKLED[file.path] = known = (file, pickle.dumps(OmegaConf.create(dict(file.content))))
    return pickle.loads(known[1])


def _name(config_path: str) -> str:
    return config_path[: -len(".yaml")] if config_path.endswith(".yaml") else config_path
