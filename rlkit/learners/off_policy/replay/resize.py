"""A saved replay buffer in a ring of another length: training goes on with more iterations, and its buffer grows."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor


def resized(
    state: Mapping[str, Any], steps: int, finals: int, first_code: int, barred: int
) -> dict[str, Any]:
    """`ReplayBuffer.state()` as a buffer of `steps` slots with `finals` rows of final observations an env holds it.

    The newest transitions are kept, oldest first from slot 0: a draw of the same random number means the same
    transition as before. first_code, barred: the ending codes of a truncation with final row 0, and of a row that
    must not be drawn, which is what a truncation becomes whose final observation has no place here.
    """
    envs, before = state["layout"]["num_envs"], state["layout"]["steps"]
    rows_of = state["layout"]["final observations per env"]
    kept = min(state["stored"], steps)
    slots = torch.arange(state["head"] - kept, state["head"] + 1) % (before + 1)  # the last one is open
    rows = (slots[:, None] * envs + torch.arange(envs)).flatten()
    # Rows that are left behind: the open slot's, barred
    new_row = torch.full(((before + 1) * envs,), kept * envs)
    new_row[rows] = torch.arange(len(rows))

    # Final rows in the order they were written, the free one first; the newest keep a place.
    order = (state["free"][:, None] + torch.arange(rows_of)) % rows_of  # [N, old rows]
    order = order[:, max(0, rows_of - finals) :]
    places = order.shape[1]
    place = torch.full((envs, rows_of), -1)
    place.scatter_(1, order, torch.arange(places).repeat(envs, 1))
    place.scatter_(1, order[:, :1], -1)  # this one is written next: nothing may lean on it
    from_row = (order * envs + torch.arange(envs)[:, None]).T.flatten()  # [places * N], row by row
    obs, owners = _padded(state["finals"], rows_of * envs), state["owner"]

    ending = state["ending"][rows].long()
    code = ending - first_code
    moved = place[torch.arange(envs).repeat(kept + 1), code.clamp(min=0)]
    ending = torch.where(code >= 0, torch.where(moved >= 0, first_code + moved, barred), ending)
    layout = {**state["layout"], "steps": steps, "final observations per env": finals}
    return {
        "layout": layout,
        "started": state["started"],
        "head": kept,
        "stored": kept,
        "obs": state["obs"][rows],
        "finals": obs[from_row],
        "moves": state["moves"][rows],
        "ending": ending,
        "free": torch.full((envs,), places % finals),
        "owner": _padded(new_row[owners[from_row]], finals * envs),
    }


def _padded(rows: Tensor, length: int) -> Tensor:
    """`rows` with zeros behind them, `length` in all."""
    missing = rows.new_zeros(length - len(rows), *rows.shape[1:])
    return torch.cat([rows, missing])
