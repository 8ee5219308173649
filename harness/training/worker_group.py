"""Run a group of training workers, on one node or several: choose their network, and unwrap the error of a worker."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from typing import Any

from ray.train import TrainingFailedError
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend  # private: the public config has no other way to choose a network

_LOST_CONNECTION = ("RuntimeError", "DistBackendError", "DistNetworkError", "DistStoreError")
_ADDRESS_OF = 0x8915  # SIOCGIFADDR


class GroupConfig(TorchConfig):
    """PyTorch's process group on the network by which Ray reaches the nodes."""

    @property
    def backend_cls(self) -> type:
        return _Backend


class _Backend(_TorchBackend):
    def on_start(self, worker_group: Any, backend_config: Any) -> None:
        worker_group.execute(use_nodes_network)
        super().on_start(worker_group, backend_config)


def use_nodes_network() -> None:
    """Let gloo use the interface by which Ray reaches this node.

    By default gloo uses the address of the host's own name, on many systems a loopback address, which other nodes
    cannot reach.
    """
    import ray.util

    name = interface_of(ray.util.get_node_ip_address())
    if name:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", name)


def interface_of(address: str) -> str | None:
    """Return the network interface with this IPv4 address, None without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe.fileno(), _ADDRESS_OF, struct.pack("256s", name.encode()[:15]))
            except OSError:  # without an IPv4 address
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return None


def worker_error(error: TrainingFailedError) -> BaseException:
    """Return the error that a worker raised, without Ray's frames around it.

    Of several, prefer one that is neither a bare RuntimeError nor one of torch.distributed's: other workers only lose
    the connection to the failed one, or to one that was killed.
    """
    failures = getattr(error, "worker_failures", None) or {0: getattr(error, "controller_failure", error)}
    errors = [_unwrap(failures[rank]) for rank in sorted(failures)]
    return min(errors, key=lambda candidate: type(candidate).__name__ in _LOST_CONNECTION)


def _unwrap(error: BaseException) -> BaseException:
    while (inner := getattr(error, "_base_exc", None) or getattr(error, "cause", None)) is not None:
        error = inner
    return error
