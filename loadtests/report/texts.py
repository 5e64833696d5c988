"""The words of the load report, in both languages; how a text is found is the simulator's.

Rule kept here: no sentence is written in code; ``locale/en.yaml`` and ``locale/vi.yaml`` have the same keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

from sim.report.texts import LANGUAGES, Language
from sim.report.texts import Texts as _Texts

__all__ = ["LANGUAGES", "Language", "Texts", "load"]


@cache
def load(language: Language) -> Mapping[str, Any]:
    """Return the nested texts of a language; not to be changed."""
    raw = (files("loadtests.report") / "locale" / f"{language}.yaml").read_text(encoding="utf-8")
    texts: Mapping[str, Any] = YAML(typ="safe", pure=True).load(raw)
    return texts


class Texts(_Texts):
    """Finds texts of the load report in one language.

    Args:
        language: Language of the report.
    """

    def __init__(self, language: Language) -> None:
        super().__init__(language)
        self._tree = load(language)

    def known(self, key: str) -> str | None:
        """Return the text of ``key``, nothing where there is none: for names that a run may add to."""
        found = self._find(key)
        return found if isinstance(found, str) else None
