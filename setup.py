"""The rest stands in pyproject.toml; here the wheel gets conf/, which lies beside the package, as rlkit/conf/."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConf(build_py):
    """An editable installation takes nothing along: it reads conf/ where it lies."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for source, target in self._conf_files().items():
                self.mkpath(str(Path(target).parent))
                self.copy_file(source, target)

    def get_source_files(self) -> list:
        """With conf/, so that the source distribution has it too."""
        return [*super().get_source_files(), *self._conf_files()]

    def get_outputs(self, include_bytecode: bool = True) -> list:
        own = [] if self.editable_mode else list(self._conf_files().values())
        return [*super().get_outputs(include_bytecode), *own]

    def _conf_files(self) -> dict:
        """Each file of conf/ and where it lies in the wheel."""
        files = sorted(str(path) for path in Path("conf").rglob("*.yaml"))
        return {file: str(Path(self.build_lib, "rlkit", file)) for file in files}


setup(cmdclass={"build_py": BuildWithConf})
