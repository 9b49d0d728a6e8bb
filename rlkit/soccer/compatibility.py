"""Patches that let sai-mujoco 0.1.30, written for mujoco 3.3, run on mujoco 3.17; importing this file applies them.

The package pins gymnasium below 1.2 and mujoco below 4, and works unpatched with mujoco 3.3 alone. Four changes of
mujoco break it. Each patch below says which, and touches the package's own modules only, never mujoco's.
"""
# mujoco's names come from compiled modules, which the type checker cannot read.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import logging
import warnings
from functools import lru_cache
from importlib import import_module, metadata
from types import SimpleNamespace
from typing import Any

import mujoco

from rlkit.env.api import EnvError
from rlkit.packages import how_to_install_package

WRITTEN_FOR = "0.1.30"
INSTALL = how_to_install_package("sai_mujoco")

log = logging.getLogger("rlkit")


def require_version(version: str) -> None:
    """Raise EnvError unless these patches were written for this version of sai-mujoco."""
    if version != WRITTEN_FOR:
        raise EnvError(
            f"sai-mujoco {version} is installed; rlkit's patches for mujoco {mujoco.__version__} were written for"
            f" sai-mujoco {WRITTEN_FOR} and may break another; install that one with: {INSTALL}"
        )


def installed_version() -> str:
    """The package's version (its own `__version__` says 0.1.13); raises EnvError where it is missing."""
    try:
        return metadata.version("sai-mujoco")
    except metadata.PackageNotFoundError:
        raise EnvError(f"the soccer tasks need the package sai-mujoco; install it with: {INSTALL}") from None


@lru_cache(maxsize=None)
def apply() -> None:
    """Patch the package, once in a process; raises EnvError where it is missing or of another version."""
    require_version(installed_version())

    # By name, because the package is an extra that the type checker need not find.
    try:
        controller: Any = import_module("sai_mujoco.controllers.base.v0.controller")
        bindings: Any = import_module("sai_mujoco.utils.v0.binding_utils")
        base: Any = import_module("sai_mujoco.utils.v1.mujoco_env").MujocoEnv_v1
    except ModuleNotFoundError as error:  # it does not declare all that it imports
        raise EnvError(f"sai-mujoco needs the package {error.name}; install it with: {INSTALL}") from error

    controller.mujoco = bindings.mujoco = _Mujoco33()
    bindings.MjData_v0.qM = property(lambda data: data._data)
    base._initialize_sim = _with_bare_names(base._initialize_sim)
    # Without a handler of our own mujoco writes its warnings into MUJOCO_LOG.TXT in the working folder.
    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(log.debug)


class _Mujoco33:
    """The module mujoco, with what later versions changed as it was in 3.3."""

    # Since 3.13 at the latest `mjtJoint.mjJNT_HINGE == np.int32(3)` is False, so that `np.int32(3) in (...)`
    # of its members is, too.
    mjtJoint = SimpleNamespace(**{name: int(kind) for name, kind in mujoco.mjtJoint.__members__.items()})

    def __getattr__(self, name: str) -> Any:
        return getattr(mujoco, name)

    @staticmethod
    def mj_fullM(model: mujoco.MjModel, dense: Any, data: mujoco.MjData) -> None:
        """The dense mass matrix [nv, nv] of `data`.

        Since 3.10 its arguments are (model, data, dense) and no longer (model, dense, data.qM); by 3.17
        `qM` is gone. The patched property `qM` gives the MjData itself, which is what is needed here.
        """
        mujoco.mj_fullM(model, data, dense)


class _BareNames:
    """An MjSpec that other specs are attached to without changing their names.

    Since 3.4 `MjSpec.attach` without a prefix puts the child's model name and a slash before every name, so
    that the package looks for `soccer_ball` where there is `/soccer_ball`.
    """

    def __init__(self, spec: mujoco.MjSpec) -> None:
        self._spec = spec

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spec, name)

    def attach(self, child: mujoco.MjSpec, **place: Any) -> Any:
        """As MjSpec.attach, where names stay as they are unless a prefix is given."""
        return self._spec.attach(child, **{"prefix": "", **place})


def _with_bare_names(initialize_sim: Any) -> Any:
    """The package's method that assembles and compiles the scene, with attached names left bare."""

    def patched(env: Any) -> None:
        scene = env.scene_mjcf
        env.scene_mjcf = _BareNames(scene)
        with warnings.catch_warnings():
            # Of empty prefixes; it is about saving the spec as XML, which nobody does.
            warnings.filterwarnings("ignore", "Attaching a spec with an empty prefix")
            initialize_sim(env)
        env.scene_mjcf = env.mjcf_model = scene

    return patched


apply()
