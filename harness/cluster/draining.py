"""Keep new work off a node that will soon be taken away."""

from __future__ import annotations


class NodeLeaves(RuntimeError):
    """This node will soon be taken away: new work belongs elsewhere."""


def stay_off_draining_node() -> None:
    """Raise NodeLeaves if this process's node was announced to be taken away. Long-lived workers call it per task."""
    import ray
    from ray._private.state import state  # private: ray.nodes() leaves draining out, and no public call has it

    if ray.get_runtime_context().get_node_id() in state.get_draining_nodes():
        raise NodeLeaves("its node will be taken away")
