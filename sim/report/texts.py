"""The words of the report, by language, and the choice between English and Vietnamese titles.

Rule kept here: no sentence is written in code. A text is found by its dotted key in
``locale/<language>.yaml`` and both files have the same keys; names of roles, levels and stages that are
not listed are shown as written.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from ruamel.yaml import YAML

Language = Literal["en", "vi"]
LANGUAGES: tuple[Language, ...] = ("en", "vi")


@cache
def load(language: Language) -> Mapping[str, Any]:
    """Return the nested texts of a language.

    Args:
        language: ``en`` or ``vi``.

    Returns:
        The mapping of ``locale/<language>.yaml``; not to be changed.
    """
    raw = (files("sim.report") / "locale" / f"{language}.yaml").read_text(encoding="utf-8")
    texts: Mapping[str, Any] = YAML(typ="safe", pure=True).load(raw)
    return texts


class Texts:
    """Finds texts and titles in one language.

    Args:
        language: Language of the report; titles that lack it are shown in the other one.
    """

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._tree = load(language)

    def _find(self, key: str) -> Any:
        node: Any = self._tree
        for part in key.split("."):
            if not isinstance(node, Mapping) or part not in node:
                return None
            node = node[part]
        return node

    def __call__(self, key: str, **fields: object) -> str:
        """Return the text of ``key`` with its fields filled in; a missing key is a fault of this package."""
        text = self._find(key)
        if not isinstance(text, str):
            raise KeyError(key)
        return text.format(**fields) if fields else text

    def count(self, key: str, number: int, shown: str, **fields: object) -> str:
        """Return the text of ``key`` for one or for many, with ``shown`` in the place of the number."""
        return self(f"{key}.{'one' if number == 1 else 'many'}", n=shown, **fields)

    def name(self, group: str, identifier: object) -> str:
        """Return the name of a role, level, stage, grade …; an unknown one with spaces for hyphens."""
        known = self._find(f"names.{group}")
        text = known.get(identifier) if isinstance(known, Mapping) else None
        return str(text) if text else str(identifier).replace("-", " ")

    def title(self, value: object, fallback: object = "") -> str:
        """Return the title in this language, else in the other one, else ``fallback``.

        Args:
            value: ``{"en": …, "vi": …}``, a plain string, or nothing.
            fallback: Shown where there is no title at all, usually the identifier.
        """
        if isinstance(value, Mapping):
            order = sorted(LANGUAGES, key=lambda language: language != self.language)
            found = next((value[language] for language in order if value.get(language)), "")
        else:
            found = value or ""
        return str(found) or str(fallback)

    def other_title(self, value: object) -> tuple[str, str]:
        """Return (language, title) in the language the report is not in; empty where it adds nothing."""
        if isinstance(value, Mapping):
            for language in LANGUAGES:
                text = str(value.get(language) or "")
                if language != self.language and text and text != self.title(value):
                    return language, text
        return "", ""
