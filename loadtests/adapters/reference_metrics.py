"""The reference exchange's own numbers, from the text that Prometheus reads, as one flat table.

Rule kept here: a histogram becomes its sum and its count; a name stays the one that the exchange gives, with the
values of its labels behind it, so that nobody has to learn two names for one number.
"""

from __future__ import annotations

from typing import Final

from prometheus_client.parser import text_string_to_metric_families

PREFIX: Final = "congvan_"
_LEFT_OUT: Final = ("_bucket", "_created")


def flat(exposition: str) -> dict[str, float]:
    """The numbers of an exchange, such as ``congvan_submission_seconds_count[accepted]``: name, then label values.

    Args:
        exposition: In the text format of Prometheus.

    Raises:
        ValueError: It is none.
    """
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name.startswith(PREFIX) and not sample.name.endswith(_LEFT_OUT):
                values = ",".join(str(value) for _, value in sorted(sample.labels.items()))
                found[f"{sample.name}[{values}]" if values else sample.name] = float(sample.value)
    return found
