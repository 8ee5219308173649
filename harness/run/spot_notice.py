"""Hand AWS's notice that this spot machine will be taken away on to Ray: `python -m harness.run.spot_notice --address HEAD:6379`, on a worker.

Some two minutes before, the machine's metadata says so, and nobody else is told. Once Ray knows, it starts nothing new on this node; what runs there
goes on until the end, and what the end meets is computed once more elsewhere, for no fault of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime

METADATA = "http://169.254.169.254"  # of the machine that asks, in AWS
SECONDS = 5.0  # between two looks, as AWS recommends
PATIENCE = 5.0  # seconds for an answer


def main() -> int:
    """Waits for the notice, however long; then the exit code of telling Ray."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.run.spot_notice", description="Hand a spot machine's notice on to Ray."
    )
    parser.add_argument("--address", required=True, metavar="HOST:PORT", help="of the cluster's head node")
    parser.add_argument("--metadata", default=METADATA, metavar="URL", help="of the metadata service")
    parser.add_argument(
        "--every", type=float, default=SECONDS, metavar="SECONDS", help="how long to wait between two looks"
    )
    given = parser.parse_args()
    while (end := announced(given.metadata)) is None:
        time.sleep(given.every)
    left = max(1, round((end - datetime.now(UTC)).total_seconds()))
    print(f"this machine will be taken away at {end:%H:%M:%S} UTC, in {left} s", flush=True)
    return drain(given.address, left)


def announced(metadata: str) -> datetime | None:
    """When this machine will be taken away; None while nobody says so, or the service does not answer."""
    try:
        token = _asked(f"{metadata}/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        said = json.loads(
            _asked(f"{metadata}/latest/meta-data/spot/instance-action", "GET", {"X-aws-ec2-metadata-token": token})
        )
        return datetime.fromisoformat(said["time"])
    except (OSError, ValueError, KeyError, TypeError):  # 404, until there is a notice
        return None


def drain(address: str, seconds: int) -> int:
    """Tell Ray that this machine's node will be gone after so many seconds; 0 if it took that."""
    import ray

    ray.init(address=address, log_to_driver=False)
    node = ray.get_runtime_context().get_node_id()
    ray.shutdown()
    return subprocess.run(
        [sys.executable, "-m", "ray.scripts.scripts", "drain-node", "--address", address, "--node-id", node, "--reason",
         "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "spot", "--deadline-remaining-seconds", str(seconds)],
        check=False,
    ).returncode  # fmt: skip


def _asked(url: str, method: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(url, method=method, headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        request, timeout=PATIENCE
    ) as answer:  # the service is on this machine
        return answer.read(10_000).decode("utf-8")


if __name__ == "__main__":
    sys.exit(main())
