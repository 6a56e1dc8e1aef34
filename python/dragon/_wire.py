"""The protobuf wire format: how the messages of `_control` are written and read.

A message is a sequence of fields, each a tag (`number << 3 | wire type`) and a value. Of the wire types only 0 (a number, 7 bits a byte, lowest first) and
2 (a length and that many bytes) are written; 1 and 5 (fixed numbers) are skipped. A message class lists its fields in FIELDS, each with a Kind: the wire type,
and the functions that write a value and read one. It imports nothing: it is part of each process's start.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Union

    from typing_extensions import Self

    Put = Callable[[list[bytes], bytes, Any], None]  # appends the tag and the value
    Get = Callable[[Any, str, bytes, int, int], int]  # sets the attribute from the bytes at `at`; gives where they end
    Kind = tuple[int, Put, Get, Optional[Get]]  # wire type, write, read; how one number of a packed field is read
    Field = tuple[str, Union[int, dict[int, "type[Message]"]], Kind]


class WireError(ValueError):
    """Bytes that are no message of the schema, or a value that does not fit its field."""


TRUNCATED = "the message ends in the middle of a field"
SMALL = [bytes((value,)) for value in range(128)]


def varint(value: int) -> bytes:
    if 0 <= value < 128:
        return SMALL[value]
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where it ends."""
    value = data[at]
    at += 1
    if value < 128:
        return value, at
    value &= 127
    for shift in range(7, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise WireError("a number of more than 10 bytes")


def read_span(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the bytes of the field at `at`, which its length precedes, begin and end."""
    length, at = read_varint(data, at)
    if length > end - at:
        raise WireError(f"a field of {length} bytes where {end - at} are left")
    return at, at + length


def skip(data: bytes, at: int, end: int, tag: int) -> int:
    """Where the field of this tag, which the schema does not know, ends."""
    kind = tag & 7
    if tag >> 3 == 0 or kind not in (0, 1, 2, 5):
        raise WireError(f"a field with tag {tag}")
    if kind == 0:
        return read_varint(data, at)[1]
    if kind == 2:
        return read_span(data, at, end)[1]
    return at + (8 if kind == 1 else 4)


def number(
    bits: int, low: int, high: int, coded: Callable[[int], int], plain: Callable[[int], int]
) -> tuple[Kind, Kind]:
    """The kinds of a number from `low` to `high`: one, and many in a packed field. `coded` makes of it what is written, `plain` the reverse."""

    def code(value: int) -> bytes:
        if not low <= value <= high:
            raise WireError(f"{value} does not fit a field of {bits} bits")
        return varint(coded(value))

    def put(out: list[bytes], tag: bytes, value: int) -> None:
        out += (tag, code(value))

    def get(message: Message, name: str, data: bytes, at: int, end: int) -> int:
        value, at = read_varint(data, at)
        setattr(message, name, plain(value))
        return at

    def put_all(out: list[bytes], tag: bytes, values: list[int]) -> None:
        part = b"".join([code(value) for value in values])
        out += (tag, varint(len(part)), part)

    def get_all(message: Message, name: str, data: bytes, at: int, end: int) -> int:
        at, end = read_span(data, at, end)
        while at < end:
            at = get_one(message, name, data, at, end)
        return at

    def get_one(message: Message, name: str, data: bytes, at: int, end: int) -> int:
        value, at = read_varint(data, at)
        getattr(message, name).append(plain(value))
        return at

    return (0, put, get, None), (2, put_all, get_all, get_one)


def unsigned(bits: int) -> tuple[Kind, Kind]:
    mask = (1 << bits) - 1
    return number(bits, 0, mask, int, lambda value: value & mask)


def signed(bits: int) -> tuple[Kind, Kind]:
    half, whole = 1 << (bits - 1), 1 << bits
    return number(
        bits, -half, half - 1, lambda value: value & 0xFFFFFFFFFFFFFFFF, lambda value: (value + half) % whole - half
    )


def zigzag(bits: int) -> tuple[Kind, Kind]:
    half = 1 << (bits - 1)
    return number(
        bits,
        -half,
        half - 1,
        lambda value: value * 2 if value >= 0 else ~value * 2 + 1,
        lambda value: value >> 1 ^ -(value & 1),
    )


def enumeration(count: int) -> Kind:
    """The kind of an enum with the values 0 to count - 1."""

    def known(value: int) -> int:
        if value >= count:
            raise WireError(f"the enum value {value} is unknown")
        return value

    return number(32, 0, count - 1, int, known)[0]


def _put_part(out: list[bytes], tag: bytes, part: bytes) -> None:
    out += (tag, varint(len(part)), part)


def _put_text(out: list[bytes], tag: bytes, text: str) -> None:
    part = text.encode()
    out += (tag, varint(len(part)), part)


def _text(data: bytes, at: int, end: int) -> str:
    try:
        return data[at:end].decode()
    except UnicodeDecodeError as error:
        raise WireError(f"text that is not UTF-8: {error}") from None


def _part(data: bytes, at: int, end: int) -> bytes:
    return data[at:end]


def delimited(put: Put, read: Callable[[bytes, int, int], Any]) -> tuple[Kind, Kind]:
    """The kinds of a value of a length and bytes: one, and many, each a field of its own."""

    def get(message: Message, name: str, data: bytes, at: int, end: int) -> int:
        at, end = read_span(data, at, end)
        setattr(message, name, read(data, at, end))
        return end

    def put_all(out: list[bytes], tag: bytes, values: list[Any]) -> None:
        for value in values:
            put(out, tag, value)

    def get_all(message: Message, name: str, data: bytes, at: int, end: int) -> int:
        at, end = read_span(data, at, end)
        getattr(message, name).append(read(data, at, end))
        return end

    return (2, put, get, None), (2, put_all, get_all, None)


def _put_message(out: list[bytes], tag: bytes, message: Message) -> None:
    part = message.encode()
    out += (tag, varint(len(part)), part)


def _put_unless_empty(out: list[bytes], tag: bytes, message: Message) -> None:
    part = message.encode()
    if part:
        out += (tag, varint(len(part)), part)


def message(kind: type[Message]) -> Kind:
    """The kind of a singular message; one that is empty is not written."""
    return (2, _put_unless_empty, *delimited(_put_message, lambda data, at, end: kind()._read(data, at, end))[0][2:])


def messages(kind: type[Message]) -> Kind:
    return delimited(_put_message, lambda data, at, end: kind()._read(data, at, end))[1]


UINT32, UINT32S = unsigned(32)
UINT64, UINT64S = unsigned(64)
INT32, INT32S = signed(32)
INT64, INT64S = signed(64)
SINT32, SINT32S = zigzag(32)
SINT64, SINT64S = zigzag(64)
BOOL, BOOLS = number(1, 0, 1, int, bool)
BYTES, BYTESS = delimited(_put_part, _part)
STRING, STRINGS = delimited(_put_text, _text)


class Message:
    """A control message. Its attributes are its fields; two are equal if they are of one class and their fields are equal."""

    __slots__: tuple[str, ...] = ()
    FIELDS: tuple[tuple[str, int, Kind], ...] = ()
    OPTIONAL: tuple[str, ...] = ()  # fields that are None if absent, and written if 0
    ONEOF: tuple[str, dict[int, type[Message]]] = ("", {})

    def __init_subclass__(cls) -> None:
        cls._puts = [
            (name, varint(number << 3 | kind[0]), kind[1], name in cls.OPTIONAL) for name, number, kind in cls.FIELDS
        ]
        cls._gets = {number << 3 | kind[0]: (name, kind[2]) for name, number, kind in cls.FIELDS}
        cls._gets.update({number << 3: (name, kind[3]) for name, number, kind in cls.FIELDS if kind[3]})
        cls._tags = {kind: varint(number << 3 | 2) for number, kind in cls.ONEOF[1].items()}
        cls._gets.update({number << 3 | 2: (cls.ONEOF[0], message(kind)[2]) for number, kind in cls.ONEOF[1].items()})

    def encode(self) -> bytes:
        """The bytes of this message."""
        out: list[bytes] = []
        for name, tag, put, optional in self._puts:
            value = getattr(self, name)
            if value or (optional and value is not None):
                put(out, tag, value)
        if self._tags:
            member = getattr(self, self.ONEOF[0])
            if member is not None:
                _put_message(out, self._tags[type(member)], member)
        return b"".join(out)

    @classmethod
    def decode(cls, data: bytes | bytearray | memoryview) -> Self:
        """Reads a message from all of `data`."""
        raw = bytes(data)
        try:
            return cls()._read(raw, 0, len(raw))
        except IndexError:
            raise WireError(TRUNCATED) from None

    def _read(self, data: bytes, at: int, end: int) -> Self:
        gets = self._gets
        while at < end:
            tag, at = read_varint(data, at)
            entry = gets.get(tag)
            if entry is not None:
                at = entry[1](self, entry[0], data, at, end)
            elif any(tag >> 3 == known >> 3 for known in gets):
                raise WireError(f"{type(self).__name__}: field {tag >> 3} with wire type {tag & 7}")
            else:
                at = skip(data, at, end, tag)
        if at != end:
            raise WireError(TRUNCATED)
        return self

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"

    if TYPE_CHECKING:
        _puts: list[tuple[str, bytes, Put, bool]]
        _gets: dict[int, tuple[str, Get]]
        _tags: dict[type[Message], bytes]
