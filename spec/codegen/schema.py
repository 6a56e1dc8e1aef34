"""Reads a schema: the part of proto3 that the control messages use.

Messages with singular, `optional` and `repeated` fields of the types in SCALARS, of messages, and of enums that are declared inside the message; one
`oneof` per message, of distinct message types. Comments belong to what follows them, or, at the end of a line, to the field before them.

What the codecs do beyond the wire format's rules: a singular message that is absent and one that is empty are the same (an empty one is not written; reading
gives an empty one); a second occurrence of a singular message replaces the first; an enum value, text that is not UTF-8 or a wire type that the schema
does not know is an error, an unknown field is skipped; repeated numbers are written packed and read either way.
"""

import dataclasses
import re
from typing import Optional

SCALARS = ("bool", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "string", "bytes")
PACKABLE = SCALARS[:7]

TOKEN = re.compile(
    r'\s+|(?P<comment>//[^\n]*)|(?P<word>[A-Za-z_][\w.]*)|(?P<number>\d+)|(?P<text>"[^"]*")|(?P<mark>[{}=;])'
)


class SchemaError(Exception):
    """The schema is not of the subset understood here."""


@dataclasses.dataclass
class Enum:
    name: str
    values: list[str]


@dataclasses.dataclass
class Field:
    name: str
    number: int
    type: str
    label: str  # "", "optional", "repeated", or "oneof"
    comment: str
    kind: str = ""  # "scalar", "enum" or "message"

    @property
    def wire_type(self) -> int:
        packed = self.label == "repeated" and self.type in PACKABLE
        return 2 if packed or self.kind == "message" or self.type in ("string", "bytes") else 0

    @property
    def tag(self) -> int:
        return self.number << 3 | self.wire_type


@dataclasses.dataclass
class Message:
    name: str
    comment: str
    fields: list[Field]
    enums: list[Enum]
    oneof: str = ""  # the name of its oneof, if it has one
    member_of: str = ""  # the message whose oneof it is a member of, if any
    member_number: int = 0  # its field number there

    def plain(self) -> list[Field]:
        """Its fields outside the oneof, by number."""
        return [field for field in self.fields if field.label != "oneof"]

    def members(self) -> list[Field]:
        return [field for field in self.fields if field.label == "oneof"]


class Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(self.tokenize(text))
        self.at = 0
        self.comment: list[str] = []

    @staticmethod
    def tokenize(text: str) -> "list[tuple[str, str, int]]":
        tokens, at, line = [], 0, 1
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise SchemaError(f"line {line}: cannot read {text[at : at + 20]!r}")
            if match.lastgroup:
                tokens.append((match.lastgroup, match.group(), line))
            line += match.group().count("\n")
            at = match.end()
        return tokens

    def peek(self) -> str:
        """The next token; comments before it are collected, an empty line between comments is not seen."""
        while self.at < len(self.tokens) and self.tokens[self.at][0] == "comment":
            self.comment.append(self.tokens[self.at][1][2:].strip())
            self.at += 1
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            line = self.tokens[min(self.at, len(self.tokens) - 1)][2]
            raise SchemaError(f"line {line}: {token or 'the end'!r} where {expected or 'more'!r} is expected")
        self.at += 1
        return token

    def taken_comment(self) -> str:
        text, self.comment = " ".join(self.comment), []
        return text

    def trailing_comment(self) -> str:
        """The comment on the line of the token just taken."""
        if self.at < len(self.tokens):
            kind, text, line = self.tokens[self.at]
            if kind == "comment" and line == self.tokens[self.at - 1][2]:
                self.at += 1
                return text[2:].strip()
        return ""

    def schema(self) -> list[Message]:
        messages = []
        while self.peek():
            word = self.take()
            if word == "message":
                messages.append(self.message())
            elif word in ("syntax", "package"):
                while self.take() != ";":
                    pass
                self.taken_comment()
            else:
                raise SchemaError(f"cannot read {word!r} at the top level")
        return messages

    def message(self) -> Message:
        result = Message("", self.taken_comment(), [], [])
        result.name = self.take()
        self.take("{")
        while self.peek() != "}":
            if self.peek() == "enum":
                result.enums.append(self.enum())
            elif self.peek() == "oneof":
                self.take()
                if result.oneof:
                    raise SchemaError(f"{result.name} has two oneofs; one is supported")
                result.oneof = self.take()
                self.take("{")
                self.taken_comment()
                while self.peek() != "}":
                    result.fields.append(self.field("oneof"))
                self.take("}")
            else:
                label = self.take() if self.peek() in ("optional", "repeated") else ""
                result.fields.append(self.field(label))
        self.take("}")
        result.comment = " ".join(filter(None, (result.comment, self.trailing_comment())))
        self.taken_comment()
        result.fields.sort(key=lambda field: field.number)
        return result

    def enum(self) -> Enum:
        self.take("enum")
        result = Enum(self.take(), [])
        self.take("{")
        while self.peek() != "}":
            result.values.append(self.take())
            self.take("=")
            if int(self.take()) != len(result.values) - 1:
                raise SchemaError(f"enum {result.name}: its values must count from 0")
            self.take(";")
        self.take("}")
        self.trailing_comment()
        self.taken_comment()
        return result

    def field(self, label: str) -> Field:
        before = self.taken_comment()
        kind, name = self.take(), self.take()
        before = before or self.taken_comment()
        self.take("=")
        number = int(self.take())
        self.take(";")
        return Field(name, number, kind, label, " ".join(filter(None, (before, self.trailing_comment()))))


def parse(text: str) -> list[Message]:
    """The messages of a schema, checked."""
    messages = Parser(text).schema()
    by_name = {message.name: message for message in messages}
    for message in messages:
        if len({field.number for field in message.fields}) < len(message.fields):
            raise SchemaError(f"{message.name} uses a field number twice")
        for field in message.fields:
            resolve(message, field, by_name)
        if len({field.type for field in message.members()}) < len(message.members()):
            raise SchemaError(f"the oneof of {message.name} has two members of one type")
    return messages


def resolve(message: Message, field: Field, by_name: "dict[str, Message]") -> None:
    other: Optional[Message] = by_name.get(field.type)
    if field.type in SCALARS:
        field.kind = "scalar"
    elif field.type in [enum.name for enum in message.enums]:
        field.kind = "enum"
        if field.label:
            raise SchemaError(f"{message.name}.{field.name}: an enum can only be a singular field")
    elif other:
        field.kind = "message"
    else:
        raise SchemaError(f"{message.name}.{field.name}: unknown type {field.type}")
    if field.label == "oneof":
        if not other:
            raise SchemaError(f"{message.name}.{field.name}: a member of a oneof must be a message")
        if other.member_of:
            raise SchemaError(f"{field.type} is a member of two oneofs")
        other.member_of, other.member_number = message.name, field.number
