"""Does something to a module of the standard library once a program imports it, and so nothing to the programs that never do.

`multiprocessing.sharedctypes` or `shared_memory` cost more to import than all of this package; choosing a start method must not import them.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable

_awaited: dict[str, Callable[[], object]] = {}


def when_imported(name: str, act: Callable[[], object]) -> None:
    """Calls `act` right after the module was imported; now, if it has been."""
    if name in sys.modules:
        act()
        return
    if not _awaited:
        sys.meta_path.insert(0, _Finder())
    _awaited[name] = act


class _Finder:
    """Finds what the other finders find, with a loader that acts after the module's own has run."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _awaited:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    loader: Any = _Loader(spec.loader, fullname)
                    spec.loader = loader
                return spec
        return None


class _Loader:
    # No subclass of importlib.abc's: to import that would cost more than all of this package.

    def __init__(self, loader: Any, name: str) -> None:
        self._loader = loader
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """Who only looks where the module is asks for other things."""
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        act = _awaited.pop(self._name, None)
        if act is not None:
            act()
