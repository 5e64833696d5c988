"""AS2 partners that are no part of this project, each installed once and run as a process of its own.

Installed are npm's libas2 (MIT) and django-pyas2 (GPL-3.0), outside of the checkout and by their own package managers;
nothing of them is imported here. Where they cannot be had, the tests are skipped with the reason.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
INSTALL_S: Final = 120
START_S: Final = 60
# The last release of libas2 was made for this pkijs; newer ones call RSA keys by a name that libas2 cannot sign with.
NPM: Final = ("libas2@0.8.2", "pkijs@2.1.90")
PIP: Final = "django-pyas2==1.2.3"


def libas2() -> Path:
    """The folder of node modules with libas2 in it."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0", "--prefix", ".")
    return _installed("-".join(NPM), ["npm", "install", *NPM, *options]) / "node_modules"


def pyas2() -> Path:
    """A folder with django-pyas2 and all that it needs, for a Python that is kept from everything else (``-S``)."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    options = ("--only-binary=:all:", "--retries=0", "--disable-pip-version-check", "--target", ".")
    return _installed(f"{PIP}-{version}", [sys.executable, "-m", "pip", "install", *options, PIP])


@contextmanager
def running(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """Start a partner that writes its port and ends with its standard input; gives its URL."""
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        with process:
            assert process.stdout is not None
            try:
                told, _, _ = select.select([process.stdout], [], [], START_S)
                port = process.stdout.readline().strip() if told else b""
                if not port:
                    pytest.fail(f"the partner does not start: {(folder / 'errors').read_text()[-2000:]}")
                yield f"http://127.0.0.1:{int(port)}"
            finally:
                process.kill()


def _installed(name: str, command: Sequence[str]) -> Path:
    """A folder of the user's own in which a command has been run once, for all later tests too."""
    cache = Path(tempfile.gettempdir()) / f"congvan-tests-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.getuid():
        pytest.skip(f"{cache} is another user's")
    whole = cache / name
    if whole.is_dir():
        return whole
    making = Path(tempfile.mkdtemp(dir=cache))
    try:
        _run(command, making)
        # Another process may have been faster, and then its folder is as good.
        if not whole.is_dir():
            making.rename(whole)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return whole


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        subprocess.run(
            command,
            cwd=folder,
            env=_environment({}),
            check=True,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", None) or error).splitlines()
        fault = next((line for line in said if "error" in line.lower()), str(error))
        pytest.skip(f"{' '.join(command[:4])} …: {fault}")


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what it tells Python and pip about this project."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_CON", "PIP_BUILD", "PYTHON"))
    }
    return {**kept, **variables}
