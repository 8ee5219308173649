"""Know which nodes will soon be taken away, or have been: new work belongs elsewhere."""

from __future__ import annotations

import re

_LOST = re.compile(r"node it was running on is dead or unavailable.* node ID: (\w+)")
_DRAINED = 3  # NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED of Ray's gcs.proto


class NodeLeaves(RuntimeError):
    """This node will soon be taken away: new work belongs elsewhere."""


def stay_off_draining_node() -> None:
    """Raise NodeLeaves if this process's node was announced to be taken away. Long-lived workers call it per task."""
    import ray
    from ray._private.state import state  # private: ray.nodes() leaves draining out, and no public call has it

    if ray.get_runtime_context().get_node_id() in state.get_draining_nodes():
        raise NodeLeaves("its node will be taken away")


def lost_node(message: str) -> str | None:
    """Return the id of the node that was lost with a task, by Ray's message about the task; None if none was."""
    match = _LOST.search(message)
    return match[1] if match else None


def was_announced(node_id: str) -> bool:
    """Return whether a lost node was announced to go.

    Ray takes some seconds to count a node as dead; until then it still drains.
    """
    import ray
    from ray._private.state import state  # private, as above

    dead = {node["NodeID"] for node in ray.nodes() if not node["Alive"] and node.get("DeathReason") == _DRAINED}
    return node_id in dead | state.get_draining_nodes().keys()
