"""A viser server that is quiet, and on the port that was asked for or nowhere."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import Iterator

import rich
import viser

from rlkit.media.viewers.web.ports import require_free_port, taken


def start_server(host: str, port: int, title: str) -> viser.ViserServer:
    """Serve the page on `host`:`port`, port 0 meaning a free one; raises ViewerError for a taken port."""
    require_free_port(host, port)
    # A browser that opens a spare connection and drops it is no news; websockets logs each with a traceback.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    with _quiet():
        server = viser.ViserServer(host=host, port=port, label=title, verbose=False)
    if port not in (0, server.get_port()):  # somebody was quicker, and viser went to the next port
        stop_server(server)
        raise taken(port)
    server.gui.configure_theme(show_logo=False, show_share_button=False, control_width="medium")
    server.gui.main_panel.dock_right()
    return server


def stop_server(server: viser.ViserServer) -> None:
    """End the server and free its port."""
    with _quiet():
        server.stop()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines that viser prints through rich when a server starts and stops."""
    console = rich.get_console()
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before
