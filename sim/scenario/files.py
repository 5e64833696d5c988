"""Where scenario files are found, and how they are read.

Rule kept here: a file is read once, as UTF-8, and its digest is kept for the manifest.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sim.errors import Diagnostic, InputError
from sim.scenario.documents import refusal
from sim.scenario.overlays import closest


def sha256(data: bytes | str) -> str:
    """Return the SHA-256 of bytes or UTF-8 text as lower-case hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def read_text(path: Path) -> str:
    """Read a UTF-8 file; a byte order mark is passed over.

    Raises:
        ScenarioError: ``E-FILE`` where it is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message, hint = "found no such file", "check the name; `congvan scenarios` lists the bundled ones"
    except UnicodeDecodeError as error:
        message, hint = f"found a byte that is not UTF-8 at offset {error.start}", "save the file as UTF-8"
    except (OSError, ValueError) as error:
        shown = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message, hint = f"found a file that cannot be read: {shown}", "give a text file that can be read"
    raise refusal((Diagnostic("E-FILE", message, hint, str(path)),), str(path))


class Reader:
    """Reads files and keeps their digests.

    Args:
        folder: The scenario's folder; names are relative to it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._texts: dict[Path, str] = {}

    def text(self, name: str, path: Path | None = None) -> str:
        """Read a file and keep its digest under ``name``.

        Raises:
            ScenarioError: As :func:`read_text`.
        """
        where = path or self.folder / name
        if where not in self._texts:
            self._texts[where] = read_text(where)
        self.texts[name] = self._texts[where]
        self.files[name] = sha256(self._texts[where])
        return self._texts[where]


def scenarios_folder() -> Path:
    """Return the folder of the bundled scenarios: the checkout's, or the one installed with the package."""
    package = Path(__file__).resolve().parent.parent
    checkout = package.parent / "scenarios"
    return checkout if (checkout / "library").is_dir() else package / "_scenarios"


def bundled() -> dict[str, Path]:
    """Return the bundled scenarios: id -> scenario.yaml."""
    found = sorted(scenarios_folder().glob("*/scenario.yaml"))
    return {path.parent.name: path for path in found}


def find(name: str) -> Path:
    """Return the scenario.yaml that a bundled id or a path means.

    Raises:
        InputError: ``E-SCENARIO-NAME``.
    """
    path = Path(name)
    try:
        for one in (path / "scenario.yaml", path):
            if one.is_file():
                return one
    except (OSError, ValueError):  # a name that no file can have
        pass
    known = bundled()
    if name in known:
        return known[name]
    raise InputError("E-SCENARIO-NAME", f"found no scenario {name!r}", closest(name, list(known)))
