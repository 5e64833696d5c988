"""Making an evidence bundle from values that a client has at hand.

Rule kept here: a bundle that is made can be checked: what it would lack, or what does not fit the signed manifest, is
refused before the file appears.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path

from loadtests.bundle import archive
from loadtests.bundle.contents import Contents, document_names, primary_entries
from loadtests.bundle.openssl import derived_entries
from loadtests.exchange import jws, manifest
from loadtests.exchange.errors import Refusal


def make(contents: Contents, documents: Sequence[Path], out: Path) -> None:
    """Write the bundle of one message; the same arguments give the same bytes.

    Nothing is verified here but that the parts are there and the documents are the manifest's; ``check`` verifies.

    Args:
        contents: All but the documents.
        documents: Files with the documents, in the manifest's order; they are streamed.
        out: Where; appears when it is whole, and a file that is there is replaced.

    Raises:
        Refusal: ``documents-incomplete``, ``document-mismatch``, the codes of ``primary_entries`` and
            ``derived_entries``; ``evidence-invalid``: more than a bundle may hold.
        OSError: A file cannot be read or written.
    """
    content = manifest.parse(jws.parse(contents.manifest).payload)
    if len(documents) != len(content.documents):
        hint = f"the {len(content.documents)} of the manifest"
        raise Refusal("documents-incomplete", f"found {len(documents)} documents", hint)
    entries: dict[str, bytes | Path] = {**primary_entries(contents), **derived_entries(contents)}
    for path, name, document in zip(documents, document_names(content), content.documents, strict=True):
        with path.open("rb") as file:
            digest, size_bytes = file_digest(file, "sha256").digest(), file.tell()
        if (digest, size_bytes) != (document.sha256, document.size_bytes):
            raise Refusal(
                "document-mismatch", f"{path} is not {document.name}", "the document as it was sent"
            )
        entries[name] = path
    archive.write(out, entries)
