"""Build the tables of Quảng Ngãi without districts from agencies.csv and the list of July 2025.

Writes agencies-two-tier.csv (the communes of 2025 on the territory of agencies.csv) and agencies-merged.csv
(all communes of the province of 2025, former Kon Tum included), beside this script. The province's office
and the departments are those of agencies.csv. A commune of 2025 keeps the id of the commune whose
statistical code it bears, or of the district whose place it takes; its exchange code is left empty, for no
scheme is known to us. The same inputs give the same bytes.
"""

import argparse
import csv
import gzip
import io
import sys
import unicodedata
from pathlib import Path

COMMUNES = "admin_units_2025H2_34p_coords.csv.gz"
PROVINCE = "51"
HEIRS = {"21548": "h-ly-son"}  # the special zone of Lý Sơn takes the place of the district
TABLES = {"agencies-two-tier.csv": False, "agencies-merged.csv": True}

Row = dict[str, str]


def table(path: Path) -> list[Row]:
    """Read a CSV file, gzipped or not, as rows of NFC text."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(unicodedata.normalize("NFC", text), newline="")))


def build(geo: Path, folder: Path, *, merged: bool) -> bytes:
    """Return one table as bytes.

    Args:
        geo: folder with the list of July 2025.
        folder: folder with agencies.csv.
        merged: with the communes of former Kon Tum too.
    """
    known = {row["id"]: row for row in table(folder / "agencies.csv")}
    rows = [row for row in known.values() if row["level"] in {"province", "department"}]
    listed = [row for row in table(geo / COMMUNES) if row["provinceCode"] == PROVINCE]
    for commune in sorted(listed, key=lambda row: row["wardCode"]):
        code = commune["wardCode"]
        before = known.get(HEIRS.get(code, f"x-{code}"))
        if before is None and not merged:
            continue
        kind = commune["wardType"]
        name = commune["ward"].removeprefix(kind).strip()
        rows.append(
            {
                "id": before["id"] if before else f"x-{code}",
                "name": f"UBND {kind[:1].lower()}{kind[1:]} {name}",
                "level": "commune",
                "parent": "p-office",
                "stat_code": code,
                "exchange_code": "",
                "latitude": f"{float(commune['wardLat']):.5f}",
                "longitude": f"{float(commune['wardLon']):.5f}",
                "coordinates": "listed",
                "note": f"id of {before['name']}" if before else "former Kon Tum",
            }
        )
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return unicodedata.normalize("NFC", text.getvalue()).encode()


def main() -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--geo", type=Path, required=True, metavar="DIR", help=f"folder with {COMMUNES}")
    folder = Path(__file__).parent
    options = parser.parse_args()
    for name, merged in TABLES.items():
        content = build(options.geo, folder, merged=merged)
        (folder / name).write_bytes(content)
        sys.stderr.write(f"{name}: {content.count(b',commune,')} communes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
