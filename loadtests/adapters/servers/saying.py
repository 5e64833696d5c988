"""How a server of ours says that it is ready, how it learns that it shall end, and how many files it may open.

Rule kept here: the first line of the standard output is one JSON object with the URL, and nothing else is printed.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading


def say_ready(url: str) -> None:
    """Tell whoever started this process where it listens: ``{"url": …}``."""
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


def end_with_stdin() -> None:
    """End this process, as by SIGTERM, when its standard input ends: whoever started it is gone."""

    def wait() -> None:
        descriptor = sys.stdin.fileno()
        while os.read(descriptor, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="stdin", daemon=True).start()


def open_many_files() -> None:
    """Let this process open as many files as the system allows it at all: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
