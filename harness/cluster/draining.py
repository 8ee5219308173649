"""Know which nodes will soon be taken away, or have been: new work belongs elsewhere."""

from __future__ import annotations

import re

_NODE_DIED = re.compile(r"node it was running on is dead or unavailable.* node ID: (\w+)")
_DRAINED = 3  # NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED of Ray's gcs.proto


class NodeLeaves(RuntimeError):
    """This node will soon be taken away: new work belongs elsewhere."""


def stay_off_draining_node() -> None:
    """Raise NodeLeaves if this process's node was announced to be taken away. Long-lived workers call it per task."""
    import ray
    from ray._private.state import state  # private: ray.nodes() leaves draining out, and no public call has it

    if ray.get_runtime_context().get_node_id() in state.get_draining_nodes():
        raise NodeLeaves("its node will be taken away")


def was_announced(message: str) -> bool:
    """Return whether Ray's message about a task says that its node is gone, and this node was announced to go.

    Ray takes some seconds to count a node as dead; until then it still drains.
    """
    import ray
    from ray._private.state import state  # private, as above

    match = _NODE_DIED.search(message)
    if match is None:
        return False
    dead = {node["NodeID"] for node in ray.nodes() if not node["Alive"] and node.get("DeathReason") == _DRAINED}
    return match[1] in dead | state.get_draining_nodes().keys()
