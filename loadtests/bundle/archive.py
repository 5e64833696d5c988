"""The file of a bundle: a zip that is written one way only, and read only if it was written that way.

Rule kept here: the same entries give the same bytes, and bytes that this module would not have written are refused:
nothing is compressed, hidden between entries, written twice, or named so that it would land elsewhere.
"""

from __future__ import annotations

import re
import shutil
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from loadtests.exchange.errors import Refusal
from loadtests.exchange.strict import LIMITS

ENTRIES_MAX: Final = 60_000
"""What a zip without extensions can count to, and three times what a message to a thousand recipients needs."""
DIRECTORY_BYTES_MAX: Final = 16 * 1024**2
"""All names with their places are read at once: 60,000 of 46 bytes and a name of 200."""
OTHERS_BYTES_MAX: Final = 256 * 1024**2
"""All but the documents, which is held in memory."""
BUNDLE_BYTES_MAX: Final = LIMITS.message_bytes_max + OTHERS_BYTES_MAX + DIRECTORY_BYTES_MAX

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
_NAME_CHARS_MAX: Final = 200
_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold: when a bundle is made changes nothing
_MODE: Final = 0o100644 << 16  # a file that everybody may read
_UNIX: Final = 3
_MARKS: Final = {
    "date_time": _TIME,
    "external_attr": _MODE,
    "create_system": _UNIX,
    "create_version": zipfile.DEFAULT_VERSION,
    "extract_version": zipfile.DEFAULT_VERSION,
    "reserved": 0,
    "volume": 0,
    "internal_attr": 0,
    "flag_bits": 0,
    "extra": b"",
    "comment": b"",
}
"""What the list of a zip says about each entry that ``write`` wrote."""
_END: Final = struct.Struct("<4s4H2LH")
_LOCAL_HEADER_BYTES: Final = 30
_CHUNK_BYTES: Final = 1024**2
_AS_WRITTEN: Final = "the file as `congvan evidence` wrote it, not packed anew"
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    NotImplementedError,
    EOFError,
    RuntimeError,
    ValueError,
    struct.error,
    OSError,
)


def write(out: Path, entries: Mapping[str, bytes | Path]) -> None:
    """Write a bundle; the file appears under its name when it is whole.

    Args:
        out: Where; a file that is there is replaced.
        entries: Contents by name, or the files that hold them.

    Raises:
        Refusal: ``evidence-invalid``: more than a bundle may hold.
        OSError: A file cannot be read or written.
    """
    if len(entries) > ENTRIES_MAX:
        raise _refused(f"found {len(entries)} entries", f"at most {ENTRIES_MAX}")
    _check_others(sum(len(content) for content in entries.values() if isinstance(content, bytes)))
    partial = out.with_name(f"{out.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED, allowZip64=False) as file:
            for name in sorted(entries):
                _add(file, name, entries[name])
        partial.replace(out)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _add(file: zipfile.ZipFile, name: str, content: bytes | Path) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    info.external_attr, info.create_system = _MODE, _UNIX
    if isinstance(content, bytes):
        file.writestr(info, content)
        return
    with content.open("rb") as source, file.open(info, "w") as target:
        shutil.copyfileobj(source, target, _CHUNK_BYTES)


class Archive:
    """A bundle's entries, found to be harmless; a context that closes the file.

    Args:
        path: The file.

    Raises:
        Refusal: ``evidence-invalid``: not a file that ``write`` wrote, or larger than a bundle may be.
    """

    __slots__ = ("_entries", "_file", "names")

    def __init__(self, path: Path) -> None:
        with _readable():
            with path.open("rb") as raw:
                _check_end(raw)
            self._file = zipfile.ZipFile(path)
        try:
            with _readable():
                infos = self._file.infolist()
                _check_entries(infos, self._file.start_dir)
                with path.open("rb") as raw:
                    _check_headers(raw, infos)
        except BaseException:
            self._file.close()
            raise
        self._entries = {info.filename: info for info in infos}
        self.names = frozenset(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, names: frozenset[str]) -> dict[str, bytes]:
        """The contents of these entries, each of which is there, by name.

        Raises:
            Refusal: ``evidence-invalid``: together too large, or damaged.
        """
        _check_others(sum(self._entries[name].file_size for name in names))
        with _readable():
            return {name: self._file.read(self._entries[name]) for name in sorted(names)}

    def digest(self, name: str) -> tuple[bytes, int]:
        """SHA-256 and size in bytes of one entry, which is read in parts.

        Raises:
            Refusal: ``evidence-invalid``: damaged.
        """
        digest, size_bytes = sha256(), 0
        with _readable(), self._file.open(self._entries[name]) as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size_bytes += len(chunk)
        return digest.digest(), size_bytes


def _check_others(size_bytes: int) -> None:
    if size_bytes > OTHERS_BYTES_MAX:
        raise _refused(f"found {size_bytes} bytes beside the documents", f"at most {OTHERS_BYTES_MAX}")


def _check_end(raw: BinaryIO) -> None:
    """Look at the last bytes before anybody reads what they point at."""
    size_bytes = raw.seek(0, 2)
    if not _END.size <= size_bytes <= BUNDLE_BYTES_MAX:
        raise _refused(f"found {size_bytes} bytes", f"at most {BUNDLE_BYTES_MAX}")
    raw.seek(-_END.size, 2)
    signature, disk, first_disk, here, entries, directory_bytes, _, comment = _END.unpack(raw.read())
    if signature != b"PK\x05\x06" or (disk, first_disk, comment) != (0, 0, 0) or here != entries:
        raise _refused("it does not end like a bundle", _AS_WRITTEN)
    if entries > ENTRIES_MAX or directory_bytes > DIRECTORY_BYTES_MAX:
        raise _refused(f"found {entries} entries in {directory_bytes} bytes", f"at most {ENTRIES_MAX}")


def _check_entries(infos: list[zipfile.ZipInfo], end: int) -> None:
    at, last = 0, ""
    for info in infos:
        name = info.orig_filename
        if not _NAME.fullmatch(name) or len(name) > _NAME_CHARS_MAX or name != info.filename:
            raise _refused(f"found the name {name[:80]!a}", "names that no path can hide in")
        if name <= last:
            raise _refused(f"{name} stands twice or out of order", _AS_WRITTEN)
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise _refused(f"{name} is compressed", _AS_WRITTEN)
        if [getattr(info, what) for what in _MARKS] != list(_MARKS.values()) or info.header_offset != at:
            raise _refused(f"{name} is marked in another way than a bundle's entries are", _AS_WRITTEN)
        at, last = at + _LOCAL_HEADER_BYTES + len(name) + info.file_size, name
    if at != end:
        raise _refused("something stands between its entries", _AS_WRITTEN)


def _check_headers(raw: BinaryIO, infos: list[zipfile.ZipInfo]) -> None:
    """Look at what stands before each entry: readers that do not use the list at the end go by that."""
    for info in infos:
        raw.seek(info.header_offset)
        right = info.FileHeader(zip64=False)
        if raw.read(len(right)) != right:
            raise _refused(f"{info.filename} is marked in two ways", _AS_WRITTEN)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise _refused(f"it cannot be read: {what}"[:200], _AS_WRITTEN) from None


def _refused(found: str, right: str) -> Refusal:
    return Refusal("evidence-invalid", found, right)
