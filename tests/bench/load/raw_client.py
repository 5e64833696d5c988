"""geventhttpclient alone in a closed loop: no users, no statistics, no schedule."""

from __future__ import annotations

import json
import sys
import time
from urllib.parse import urlsplit

import gevent
from geventhttpclient import HTTPClient

BODY = b"x" * 4096
GREENLETS = 50


def main(url: str, seconds: float) -> None:
    """Post as fast as it goes for so long, and tell how many were answered."""
    parts = urlsplit(url)
    client = HTTPClient(parts.hostname or "", parts.port, concurrency=GREENLETS)
    count = [0]
    begun_s = time.perf_counter()

    def post() -> None:
        while time.perf_counter() < begun_s + seconds:
            client.request("POST", "/v1/messages", BODY, {"X-Message-Id": "one"}).read()
            count[0] += 1

    gevent.joinall([gevent.spawn(post) for _ in range(GREENLETS)], raise_error=True)
    told = {"requests": count[0], "failures": 0, "seconds": time.perf_counter() - begun_s}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
