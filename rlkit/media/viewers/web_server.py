"""A viser server that is quiet, and on the port that was asked for or nowhere."""

from __future__ import annotations

import errno
import logging
import socket
from contextlib import contextmanager
from typing import Iterator

import rich
import viser

from rlkit.media.viewers.api import ViewerError


def start_server(host: str, port: int, title: str) -> viser.ViserServer:
    """Serve the page on `host`:`port`, port 0 meaning a free one; raises ViewerError for a taken port."""
    _check_free(host, port)
    # A browser that opens a spare connection and drops it is no news; websockets logs each with a traceback.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    with _quiet():
        server = viser.ViserServer(host=host, port=port, label=title, verbose=False)
    if port not in (0, server.get_port()):  # somebody was quicker, and viser went to the next port
        stop_server(server)
        raise _taken(port)
    server.gui.configure_theme(show_logo=False, show_share_button=False, control_width="medium")
    server.gui.main_panel.dock_right()
    return server


def stop_server(server: viser.ViserServer) -> None:
    """End the server and free its port."""
    with _quiet():
        server.stop()


def _check_free(host: str, port: int) -> None:
    if not 0 <= port <= 65535:
        raise ViewerError(f"port {port} does not exist; ports go from 1 to 65535, 0 takes a free one")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except socket.gaierror as error:
        raise ViewerError(f"the host {host!r} has no address: {error.strerror}") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _taken(port) from error
        reason = error.strerror or str(error)
        raise ViewerError(f"the viewer cannot listen on {host}:{port}: {reason}") from error


def _taken(port: int) -> ViewerError:
    return ViewerError(
        f"port {port} is taken; take a free one with env.viewerPort=0 (rlkit view: --port 0), or name another"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines that viser prints through rich when a server starts and stops."""
    console = rich.get_console()
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before
