"""A locustfile as Locust's manual shows it: FastHttpUser in a closed loop, as fast as it can."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from locust import FastHttpUser, constant, events, task

BODY = "x" * 4096


class Plain(FastHttpUser):
    """Posts 4 KiB again and again."""

    wait_time = constant(0)

    @task
    def post(self) -> None:
        """One message."""
        self.client.post("/v1/messages", data=BODY, headers={"X-Message-Id": "one"})


begun_s: list[float] = []


def _begin(**_: Any) -> None:
    begun_s.append(time.perf_counter())


def _told(environment: Any, **_: Any) -> None:
    total = environment.stats.total
    told = {
        "requests": total.num_requests,
        "failures": total.num_failures,
        "seconds": time.perf_counter() - begun_s[0],
    }
    Path(os.environ["TOLD"]).write_text(json.dumps(told))


hooks: Any = events
hooks.spawning_complete.add_listener(_begin)
hooks.test_stopping.add_listener(_told)
