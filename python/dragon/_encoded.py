"""Messages of `_control` whose setting stays encoded: it is large, and most often the same as that of the last one, so it is worked on once and compared as bytes."""

from __future__ import annotations

from dragon import _control, _wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _fields(kind: type[_wire.Message]) -> tuple[tuple[str, int, Any], ...]:
    return tuple((name, number, _wire.BYTES if name == "setting" else how) for name, number, how in kind.FIELDS)


class Fork(_wire.Message):
    """As `_control.Fork`."""

    __slots__ = _control.Fork.__slots__
    FIELDS = _fields(_control.Fork)
    setting: bytes
    payload: bytes
    passed: int
    client: int
    process_id: int
    name: str

    def __init__(self) -> None:
        self.setting = self.payload = b""
        self.passed = self.client = self.process_id = 0
        self.name = ""


class Spawn(_wire.Message):
    """As `_control.Spawn`."""

    __slots__ = _control.Spawn.__slots__
    FIELDS = _fields(_control.Spawn)

    def __init__(
        self,
        setting: bytes,
        payload: bytes,
        passed: int,
        event: tuple[int, int],
        tokens: list[int],
        name: str,
        daemon: bool,
    ) -> None:
        self.setting, self.payload, self.passed = setting, payload, passed
        self.exit_event, self.exit_event_id = event
        self.tokens, self.name, self.daemon = tokens, name, daemon


class Frame(_wire.Message):
    """As `_control.Frame`, with these in place of their namesakes."""

    __slots__ = ("body", "call")
    FIELDS = _control.Frame.FIELDS
    ONEOF = (
        "body",
        {
            number: {_control.Fork: Fork, _control.Spawn: Spawn}.get(kind, kind)
            for number, kind in _control.Frame.ONEOF[1].items()
        },
    )

    def __init__(self, call: int = 0, body: _wire.Message | None = None) -> None:
        self.call = call
        self.body = body
