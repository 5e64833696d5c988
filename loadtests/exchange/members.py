"""The members of a JSON object, read one by one: each is named, has a type and has bounds.

Rule kept here: nothing is taken that was not asked for, and a fault says which member, what was found and what
would be right, without repeating more of a text than is needed to find it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

from loadtests.exchange.errors import Refusal
from loadtests.exchange.strict import INTEGER_MAX, SHA256_BYTES, decode_base64url, type_name

# Control and format characters (among them those that turn the direction of writing), halves of surrogate pairs,
# separators of lines and paragraphs: what a reader does not see, or sees as something else.
UNSEEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHOWN_CHARS: Final = 40
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Members:
    """One JSON object, with the place where it stands.

    Args:
        values: The object as ``strict.parse_object`` read it.
        code: The code of a refusal for a fault in it.
        place: What stands before a member's name in a message, such as ``documents[2].``; may be empty.
    """

    values: Mapping[str, Any]
    code: str
    place: str = ""

    def fault(self, name: str, found: str, hint: str) -> Refusal:
        """The refusal for a fault of one member, to be raised."""
        return Refusal(self.code, f"{self.place}{name}: {found}", hint)

    def expect(self, required: frozenset[str], optional: frozenset[str]) -> None:
        """Return if the required members are there and no others than these and the optional ones.

        Raises:
            Refusal: A member is missing or unknown.
        """
        if missing := required - self.values.keys():
            raise self.fault(min(missing), "missing", "an object with this member")
        if unknown := self.values.keys() - required - optional:
            known = ", ".join(sorted(required | optional))
            raise self.fault(f"{min(unknown)[:_SHOWN_CHARS]!a}", "not known", f"only {known}")

    def text(self, name: str, chars_max: int) -> str:
        """A text of 1 to ``chars_max`` characters on one line, all of them seen, in normal form C.

        Normal form C (Unicode UAX #15) because what looks equal has to compare equal: one letter, one way.

        Raises:
            Refusal: Not a text, empty or too long, white space at an end, an unseen character, another form.
        """
        text = self._typed(name, str, "a text")
        if not 1 <= len(text) <= chars_max:
            raise self.fault(name, f"found {len(text)} characters", f"1 to {chars_max} characters")
        if text.strip() != text:
            raise self.fault(name, "found white space at an end", "a text without it")
        if not text.isprintable():
            for at, char in enumerate(text):
                if unicodedata.category(char) in UNSEEN_CATEGORIES:
                    raise self.fault(
                        name, f"found U+{ord(char):04X} at character {at}", "characters one can see"
                    )
        if not unicodedata.is_normalized("NFC", text):
            raise self.fault(name, "found letters taken apart", "Unicode normal form C")
        return text

    def matching(self, name: str, pattern: re.Pattern[str], what: str) -> str:
        """A text that the whole pattern fits; ``what`` says in words what that is.

        Raises:
            Refusal: Not a text, or it does not fit.
        """
        return self._fitting(name, self._typed(name, str, "a text"), pattern, what)

    def integer(self, name: str, low: int, high: int = INTEGER_MAX) -> int:
        """A whole number from ``low`` to ``high``.

        Raises:
            Refusal: Not a number, or outside.
        """
        number = self._typed(name, int, "a whole number")
        if not low <= number <= high:
            raise self.fault(name, f"found {number}", f"{low} to {high}")
        return number

    def calendar_date(self, name: str) -> date:
        """A calendar date, ``YYYY-MM-DD`` and nothing else that ISO 8601 allows.

        Raises:
            Refusal: Not a text, not of this form, or no day of the calendar.
        """
        text = self.matching(name, _DATE, "a date YYYY-MM-DD")
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise self.fault(name, f"found {text}", "a day of the calendar") from None

    def digest(self, name: str) -> bytes:
        """A SHA-256 digest, in strict base64url.

        Raises:
            Refusal: Not a text, or not 32 bytes; ``base64-invalid``.
        """
        digest = decode_base64url(self._typed(name, str, "a digest in base64url"))
        if len(digest) != SHA256_BYTES:
            raise self.fault(name, f"found {len(digest)} bytes", f"{SHA256_BYTES} bytes of SHA-256")
        return digest

    def distinct(self, name: str, pattern: re.Pattern[str], what: str, items_max: int) -> tuple[str, ...]:
        """An array of 1 to ``items_max`` texts, all different, that the whole pattern fits, in the order given.

        Raises:
            Refusal: Not such an array.
        """
        items = self._array(name, 1, items_max)
        for at, item in enumerate(items):
            if not isinstance(item, str):
                raise self.fault(f"{name}[{at}]", f"found {type_name(item)}", what)
            self._fitting(f"{name}[{at}]", item, pattern, what)
        if len(set(items)) < len(items):
            raise self.fault(name, "found one of them twice", "each of them once")
        return tuple(items)

    def objects(self, name: str, items_min: int, items_max: int) -> Iterator[Members]:
        """The objects of an array, each with its place.

        Raises:
            Refusal: Not an array, too few or too many, or one is not an object.
        """
        for at, item in enumerate(self._array(name, items_min, items_max)):
            if not isinstance(item, dict):
                raise self.fault(f"{name}[{at}]", f"found {type_name(item)}", "an object")
            yield Members(item, self.code, f"{self.place}{name}[{at}].")

    def _array(self, name: str, items_min: int, items_max: int) -> list[Any]:
        items = self._typed(name, list, "an array")
        if not items_min <= len(items) <= items_max:
            raise self.fault(name, f"found {len(items)}", f"{items_min} to {items_max} of them")
        return items

    def _typed(self, name: str, kind: type[_T], what: str) -> _T:
        value = self.values[name]
        if type(value) is not kind:  # not isinstance: true and false are no numbers here
            raise self.fault(name, f"found {type_name(value)}", what)
        return value

    def _fitting(self, name: str, text: str, pattern: re.Pattern[str], what: str) -> str:
        if not pattern.fullmatch(text):
            raise self.fault(name, f"found {text[:_SHOWN_CHARS]!a}", what)
        return text
