from __future__ import annotations

from workspace_helper import workspace as workspace
