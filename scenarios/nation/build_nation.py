"""Build agencies.csv of the national axis: the central bodies of central.csv, and the 63 provinces.

Names, codes and points of the provinces are those of a list of early 2025. A point there is somewhere inside
the province, not its capital. Central bodies stand at the point of Hà Nội. Exchange codes of provinces are
those of provinces.csv, those of central bodies are assumed. The same inputs give the same bytes.
"""

import argparse
import csv
import gzip
import io
import sys
import unicodedata
from pathlib import Path

PLACES = "admin_units_2025H1_legacy_63p_coords.csv.gz"
CAPITAL = "01"
COLUMNS = (
    "id", "name", "level", "parent", "stat_code", "exchange_code",
    "latitude", "longitude", "coordinates", "note",
)  # fmt: skip
FORMER_NAME = {"Huế": "Thừa Thiên Huế"}  # a province until January 2025, then a city

Row = dict[str, str]


def table(path: Path) -> list[Row]:
    """Read a CSV file, gzipped or not, as rows of NFC text."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(unicodedata.normalize("NFC", text), newline="")))


def slug(name: str) -> str:
    """A short ASCII identifier: "Đắk Lắk" -> "dak-lak"."""
    plain = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    kept = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in plain if sign.isascii())
    return "-".join(kept.split())


def build(geo: Path, folder: Path) -> bytes:
    """Return the table as bytes.

    Args:
        geo: folder with the list of early 2025.
        folder: folder with central.csv and provinces.csv.
    """
    provinces = {row["provinceCode"]: row for row in table(geo / PLACES)}
    capital = provinces[CAPITAL]
    codes = {row["stat_code"]: row["exchange_code"] for row in table(folder / "provinces.csv")}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in table(folder / "central.csv"):
        note = "; ".join(part for part in (row["note"], "point of Hà Nội") if part)
        point = (f"{float(capital['provinceLat']):.5f}", f"{float(capital['provinceLon']):.5f}")
        writer.writerow(
            (row["id"], row["name"], row["level"], "", "", row["exchange_code"], *point, "imputed", note)
        )
    for code, row in sorted(provinces.items()):
        former = FORMER_NAME.get(row["provinceShort"])
        kind = "tỉnh" if former or row["province"].startswith("Tỉnh") else "thành phố"
        name = former or row["provinceShort"]
        point = (f"{float(row['provinceLat']):.5f}", f"{float(row['provinceLon']):.5f}")
        writer.writerow(
            (
                f"t-{slug(name)}",
                f"UBND {kind} {name}",
                "province",
                "",
                code,
                codes[code],
                *point,
                "listed",
                "",
            )
        )
    return unicodedata.normalize("NFC", text.getvalue()).encode()


def main() -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--geo", type=Path, required=True, metavar="DIR", help=f"folder with {PLACES}")
    options = parser.parse_args()
    folder = Path(__file__).parent
    content = build(options.geo, folder)
    (folder / "agencies.csv").write_bytes(content)
    sys.stderr.write(f"agencies.csv: {content.count(b'000.00.00.')} agencies\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
