"""Finding an adapter by its name, and giving it its options.

Rule kept here: an adapter's module is imported when it is asked for and not before; a name or an option that is not
known is refused with those that are.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

from loadtests.adapters.base import Adapter, AdapterError, Context

BUILT_IN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "reference": "loadtests.adapters.reference:ReferenceAdapter",
        "as2": "loadtests.adapters.as2.adapter:As2Adapter",
        "null": "loadtests.adapters.null:NullAdapter",
    }
)
_RIGHT: Final = f"{', '.join(BUILT_IN)}, or module:Class of your own, such as my_exchange.loading:MyAdapter"


def find_adapter(name: str) -> type[Adapter]:
    """The class of an adapter.

    Args:
        name: ``reference``, ``as2``, ``null`` or ``module:Class``.

    Raises:
        AdapterError: ``E-ADAPTER``: there is none, it cannot be imported, or it is no adapter.
    """
    module_name, colon, class_name = BUILT_IN.get(name, name).partition(":")
    if not (module_name and colon and class_name.isidentifier()):
        raise AdapterError("E-ADAPTER", f"found no adapter {name[:100]!r}", _RIGHT)
    try:
        module = import_module(module_name)
    except ImportError as error:
        hint = f"a module that can be imported from here; {_RIGHT}"
        raise AdapterError("E-ADAPTER", f"cannot import {module_name}: {error}", hint) from None
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        hint = "a subclass of loadtests.adapters.base.Adapter"
        raise AdapterError("E-ADAPTER", f"{module_name} has no adapter {class_name}", hint)
    return found


def load(context: Context, name: str) -> Adapter:
    """An adapter for a context, not yet set up.

    Args:
        context: What it works with.
        name: As ``find_adapter`` takes it.

    Raises:
        AdapterError: ``E-ADAPTER``; ``E-OPTION``: an option that it does not know.
    """
    kind = find_adapter(name)
    for option in sorted(set(context.options) - set(kind.options)):
        known = "; ".join(f"{one}: {meaning}" for one, meaning in kind.options.items()) or "it has none"
        raise AdapterError("E-OPTION", f"the adapter {name} knows no option {option!r}", known)
    return kind(context)
