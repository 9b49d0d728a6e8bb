"""Whether the web viewer can listen where it is asked to; known before anything boots."""

from __future__ import annotations

import errno
import socket

from rlkit.media.viewers.api import ViewerError
from rlkit.untrusted import echo


def require_free_port(host: str, port: int) -> None:
    """Raise ViewerError unless a server can listen there; port 0, a free one, always can."""
    if not 0 <= port <= 65535:
        raise ViewerError(f"port {port} does not exist; ports go from 1 to 65535, 0 takes a free one")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (socket.gaierror, UnicodeError) as error:  # a label of more than 63 letters is no text of IDNA
        reason = getattr(error, "strerror", None) or "no such name can exist"
        raise ViewerError(f"the host {echo(host)!r} has no address: {reason}") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise taken(port) from error
        reason = error.strerror or str(error)
        raise ViewerError(f"the viewer cannot listen on {echo(host)}:{port}: {reason}") from error


def taken(port: int) -> ViewerError:
    """The refusal of a port that somebody else has."""
    return ViewerError(
        f"port {port} is taken; take a free one with env.viewerPort=0 (rlkit view: --port 0), or name another"
    )
