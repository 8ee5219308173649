"""Tell Ray that AWS will take this spot machine away.

Run `python -m harness.cluster.spot_notice --address HEAD:6379` on a worker.

About two minutes before, AWS announces it in the machine's metadata and nowhere else. Once Ray knows, it starts nothing
new on this node. What runs there goes on until the end; what does not finish is computed again elsewhere, and the loss
does not count as a failed attempt.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime

METADATA = "http://169.254.169.254"  # the metadata service of every AWS machine
INTERVAL = 5.0  # seconds between two requests, as AWS recommends
TIMEOUT = 5.0  # seconds for a response


def main() -> int:
    """Wait for the notice, however long; then tell Ray, and return the exit code of that."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.cluster.spot_notice", description="Hand a spot machine's notice on to Ray."
    )
    parser.add_argument("--address", required=True, metavar="HOST:PORT", help="of the cluster's head node")
    parser.add_argument("--metadata", default=METADATA, metavar="URL", help="of the metadata service")
    parser.add_argument("--every", type=float, default=INTERVAL, metavar="SECONDS", help="between two requests")
    args = parser.parse_args()
    while (end := read_notice(args.metadata)) is None:
        time.sleep(args.every)
    left = max(1, round((end - datetime.now(UTC)).total_seconds()))
    print(f"this machine will be taken away at {end:%H:%M:%S} UTC, in {left} s", flush=True)
    return drain(args.address, left)


def read_notice(metadata: str) -> datetime | None:
    """Return when this machine will be taken away; None while there is no notice, or the service does not answer."""
    try:
        token = _request(f"{metadata}/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        headers = {"X-aws-ec2-metadata-token": token}
        notice = json.loads(_request(f"{metadata}/latest/meta-data/spot/instance-action", "GET", headers))
        return datetime.fromisoformat(notice["time"])
    except (OSError, ValueError, KeyError, TypeError):  # the service answers 404 until there is a notice
        return None


def drain(address: str, seconds: int) -> int:
    """Tell Ray that this machine's node will be gone after so many seconds; return 0 if Ray accepted it."""
    import ray

    ray.init(address=address, log_to_driver=False)
    node = ray.get_runtime_context().get_node_id()
    ray.shutdown()
    command = [sys.executable, "-m", "ray.scripts.scripts", "drain-node", "--address", address, "--node-id", node]
    command += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "spot"]
    command += ["--deadline-remaining-seconds", str(seconds)]
    return subprocess.run(command, check=False).returncode


def _request(url: str, method: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(url, method=method, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # without a proxy: it is on this machine
    with opener.open(request, timeout=TIMEOUT) as response:
        return response.read(10_000).decode("utf-8")


if __name__ == "__main__":
    sys.exit(main())
