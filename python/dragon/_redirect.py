"""Gives a function of multiprocessing another body, also for those who took the function before.

`multiprocessing.Queue` is a bound method of the default context, and programs write `from multiprocessing import Queue` before they choose a start method. So
neither a new attribute on a class nor a new name in a module reaches them; the function itself has to ask, when it is called, which start method it is
for. `redirect` puts that question into it. What it did before stays there whole, for every other start method.
"""

from __future__ import annotations

from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

# Name of a redirected function -> what decides, and what the function was.
_redirected: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {}


def redirect(name: str, function: Any, decide: Callable[..., Any]) -> None:
    """From now on `function(*args)` is `decide(original, *args)`, where `original` is what it was. Once for each name."""
    if name in _redirected:
        return
    original = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    original.__kwdefaults__ = function.__kwdefaults__
    original.__qualname__ = function.__qualname__  # which is in the error about a wrong argument
    _redirected[name] = (decide, original)
    code = _forward.__code__
    constants = tuple(name if constant == "name" else constant for constant in code.co_consts)
    body = code.replace(co_name=function.__code__.co_name, co_consts=constants)
    function.__wrapped__ = original  # for inspect.signature
    function.__defaults__ = None
    function.__kwdefaults__ = None
    function.__code__ = body


def follow(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a redirected function does."""
    decide, original = _redirected[name]
    return decide(original, *args, **kwargs)


def _forward(*args: Any, **kwargs: Any) -> Any:
    # The body of every redirected function, with its own name in place of "name"; it runs among the globals of the function's module.
    from dragon._redirect import follow

    return follow("name", args, kwargs)
