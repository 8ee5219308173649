"""A group of training workers, on one node or several: the network they talk over, and the failure of one of them as the error it raised."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from typing import Any

from ray.train import TrainingFailedError
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend

_ADDRESS_OF = 0x8915  # SIOCGIFADDR


class GroupConfig(TorchConfig):
    """PyTorch's process group over the network by which Ray reaches the nodes."""

    @property
    def backend_cls(self) -> type:
        return _Backend


class _Backend(_TorchBackend):
    def on_start(self, worker_group: Any, backend_config: Any) -> None:
        worker_group.execute(use_nodes_network)
        super().on_start(worker_group, backend_config)


def use_nodes_network() -> None:
    """Gloo takes the address that the host's own name stands for. On many systems that is one of loopback, by which no other node reaches it."""
    import ray.util

    name = interface_of(ray.util.get_node_ip_address())
    if name:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", name)


def interface_of(address: str) -> str | None:
    """The network interface with this IPv4 address; None if there is none, or no asking on this system."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asked.fileno(), _ADDRESS_OF, struct.pack("256s", name.encode()[:15]))
            except OSError:  # it has no IPv4 address
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return None


def raised_in(error: TrainingFailedError) -> BaseException:
    """What a worker raised, without Ray's frames around it; of several the one that says most, since the others lose only the connection to it."""
    failures = getattr(error, "worker_failures", None) or {0: getattr(error, "controller_failure", error)}
    raised = [_unwrapped(failures[rank]) for rank in sorted(failures)]
    return min(raised, key=lambda one: type(one) is RuntimeError)


def _unwrapped(error: BaseException) -> BaseException:
    while (inner := getattr(error, "_base_exc", None) or getattr(error, "cause", None)) is not None:
        error = inner
    return error
