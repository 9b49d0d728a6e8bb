"""The group of ranks while they train: what they tell each other beside what they learn, and who of them failed."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from datetime import timedelta
from socket import gethostname
from typing import TYPE_CHECKING, Iterator

from rlkit.errors import RlkitError
from rlkit.runtime.process.ranks import Ranks, talk_by

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

LEARNING = timedelta(minutes=30)
"""How long a rank that learns waits for the others, who learn as well."""
PATIENCE = timedelta(days=7)
"""The same where one may be at work alone: it evaluates, saves or films. One that dies is known of at once."""

_COUNT, _FIRST = "failures", "first_failure"  # in the store that the group was made with
_TELLING = 10.0  # s that a rank has between these two
_NUMBER = itertools.count(1)  # of groups: in a sweep the ranks meet again with the same store


# What torch says of a connection whose other end is gone, and of one that was waited at for too long.
_CLOSED = ("closed", "reset by peer", "Broken pipe", "refused", "remote process exited", "aborted")
_LATE = ("Timed out", "timed out", "timeout")


class RankError(RlkitError):
    """Another rank failed, so that this one cannot go on. told: that rank has said why, on this machine's console."""

    def __init__(self, message: str, *, told: bool) -> None:
        super().__init__(message)
        self.told = told


@contextmanager
def joined(ranks: Ranks, device: str) -> Iterator[None]:
    """Inside, the ranks can talk: NCCL between GPUs, gloo on the CPU. No thread of theirs outlives it.

    Raises RankError where another rank failed first, whatever came of that here.
    """
    if ranks.size == 1:
        yield
        return
    import torch

    # Before there is a group: functions of this module take the group as a default argument, and torch's
    # optimisers import it on the way. A group held there outlives its destruction, and one of its threads
    # that lets go of a tensor while Python is ending aborts the process.
    import torch.distributed.nn
    from torch import distributed
    from torch.distributed.distributed_c10d import PrefixStore, _get_default_store

    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=LEARNING)
    store = PrefixStore(f"rlkit_{next(_NUMBER)}", _get_default_store())
    try:
        talk_by(distributed.new_group(backend="gloo", timeout=PATIENCE))
        yield
        ranks.meet()  # leave together: none closes its connections while another still listens
    except BaseException as error:
        failed = _first_failure(store, ranks, error)
        if failed is None:
            raise
        raise failed from error
    finally:
        talk_by(None)
        distributed.destroy_process_group()


def _first_failure(store: Store, ranks: Ranks, error: BaseException) -> RankError | None:
    """What failed before this rank's error; None where nothing did: others can read of it then."""
    lost = _lost(error)
    try:
        if isinstance(error, KeyboardInterrupt):  # the launcher's signal, where another one failed
            return _told_of(store) if store.check([_FIRST]) else None
        if store.add(_COUNT, 1) > 1:
            return _told_of(store)
        what = f"{'' if isinstance(error, RlkitError) else type(error).__name__ + ': '}{error}"
        words = str(lost) if lost else f"rank {ranks.rank} on {gethostname()} failed: {what}"
        store.set(_FIRST, f"{gethostname()}\n{words}")
    except RuntimeError:  # the store is gone with the rank that had it
        pass
    return lost


def _told_of(store: Store) -> RankError:
    store.wait([_FIRST], timedelta(seconds=_TELLING))
    host, _, words = store.get(_FIRST).decode("utf-8", "replace").partition("\n")
    return RankError(words, told=host == gethostname())


def _lost(error: BaseException) -> RankError | None:
    """What to say of an error that is torch's, of a connection to another rank; else None."""
    from torch import distributed

    if not isinstance(error, distributed.DistError) and type(error) is not RuntimeError:
        return None
    text = str(error)
    if not any(library in text for library in ("gloo", "NCCL", "Store", "socket")):
        return None
    if any(word in text for word in _LATE):
        return RankError(f"another rank has not come for {LEARNING}: {text}", told=False)
    if any(word in text for word in _CLOSED):
        return RankError(
            "another rank ended without a word, as one does that the system kills where memory runs out; what the"
            " launcher prints says which one",
            told=False,
        )
    return None
