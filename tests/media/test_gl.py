"""Which OpenGL is chosen, and what is said where there is none, or no encoder."""

from __future__ import annotations

import sys

import imageio_ffmpeg
import pytest

from rlkit.media import gl
from rlkit.media.gl import RenderError, choose_gl, require_encoder


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("MUJOCO_GL", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)


def only(*working: str):
    return lambda name: "" if name in working else f"ImportError: no lib{name}"


@pytest.mark.parametrize(
    ("working", "chosen"), [(("egl", "osmesa"), "egl"), (("osmesa", "glfw"), "osmesa"), (("glfw",), "glfw")]
)
def test_the_first_that_draws_is_chosen(
    working: tuple, chosen: str, linux: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gl, "_why_not", only(*working))
    monkeypatch.setenv("DISPLAY", ":0")
    assert choose_gl() == chosen


def test_without_any_each_is_named_with_its_reason(linux: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gl, "_why_not", only())
    with pytest.raises(RenderError) as raised:
        choose_gl()
    message = str(raised.value)
    assert "egl: ImportError: no libegl;" in message
    assert "osmesa: ImportError: no libosmesa;" in message
    assert "DISPLAY is not set" in message  # glfw is not even tried
    assert "apt-get install libegl1" in message and "\n" not in message


def test_mujoco_gl_decides_and_nothing_else_is_tried(linux: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gl, "_why_not", only("egl", "osmesa"))
    monkeypatch.setenv("MUJOCO_GL", " OSMesa ")
    assert choose_gl() == "osmesa"
    monkeypatch.setattr(gl, "_why_not", only("egl"))
    with pytest.raises(RenderError, match=r"tried osmesa: ImportError.*unset MUJOCO_GL") as raised:
        choose_gl()
    assert "egl:" not in str(raised.value)


@pytest.mark.parametrize("value", ["eggl", "disable", "cgl"])
def test_a_wrong_mujoco_gl_is_refused_with_what_is_allowed(
    value: str, linux: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUJOCO_GL", value)
    with pytest.raises(RenderError, match=f"MUJOCO_GL={value} .*egl, osmesa, glfw"):
        choose_gl()


def test_drawing_is_tried_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that cannot be loaded is told by the last line of that process, and stays out of this one."""
    monkeypatch.setenv("PYOPENGL_PLATFORM", "osmesa")  # egl refuses to work beside it
    assert "PYOPENGL_PLATFORM" in gl._why_not("egl")


def test_one_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gl, "_DRAW_ONCE", "import time; time.sleep(60)")
    monkeypatch.setattr(gl, "_ANSWER_SECONDS", 0.2)
    assert gl._why_not("egl") == "no picture within 0.2 s"


def test_the_encoder_is_found() -> None:
    assert require_encoder() == imageio_ffmpeg.get_ffmpeg_exe()


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(RenderError, match=r"pip install -e '.*\[video\]'"):
        require_encoder()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo ' V..... mpeg4  MPEG-4'", "no encoder libx264"),
        ("echo 'error while loading libx: no such file' >&2; exit 127", "error while loading libx"),
    ],
)
def test_an_ffmpeg_that_cannot_is_named(
    script: str, reason: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(program))
    with pytest.raises(RenderError, match=reason) as raised:
        require_encoder()
    assert str(program) in str(raised.value)
