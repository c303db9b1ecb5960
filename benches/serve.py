"""Run the tracker alone, in the foreground of a process of its own, until standard input closes: what is measured."""

import argparse
import json
import os
import sys

from largesse import _core


def main() -> None:
    """Take a free port, tell it in one line of JSON, and answer; one line on standard input asks for the counters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--most-torrents", type=int, default=20_000_000)
    parser.add_argument(
        "--requests-per-second", type=int, default=0, help="of one address; 0, for pure speed: any number"
    )
    chosen = parser.parse_args()
    tracker = _core.Tracker(
        listen=["127.0.0.1:0"],
        admin=None,
        policy="open",
        workers=chosen.workers,
        interval_seconds=1800,
        private_peers="same",
        trusted_proxies=[],
        client_allow=[],
        client_deny=[],
        most_torrents=chosen.most_torrents,
        requests_per_second=chosen.requests_per_second,
    )
    print(json.dumps({"address": tracker.addresses[0], "process": os.getpid()}), flush=True)
    for line in sys.stdin:
        if line.startswith("snapshot "):
            tracker.write_snapshot(line.split(maxsplit=1)[1].strip())
        print(json.dumps(tracker.stats()), flush=True)
    tracker.stop()


if __name__ == "__main__":
    main()
