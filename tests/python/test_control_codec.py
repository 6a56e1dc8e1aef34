"""The control codec against Google's protobuf package: what either writes, the other reads, and both write the same bytes.

`spec/vectors/control.txt` holds golden bytes for both languages; `python tests/python/test_control_codec.py` writes it anew from CASES with Google's
package.
"""

from __future__ import annotations

import pathlib
import random
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = ROOT / "spec/vectors/control.txt"
sys.path.insert(0, str(ROOT / "spec"))
sys.path.insert(0, str(ROOT / "python"))

from codegen import schema  # noqa: E402
from dragon import _control  # noqa: E402

MESSAGES = {message.name: message for message in schema.parse((ROOT / "spec/control.proto").read_text())}

SETTING = (
    r'cwd: "/a b/\377" umask: 18 environment { name: "PATH" value: "/bin" } environment { name: "EMPTY" }'
    " limits { resource: 7 soft: 18446744073709551615 } limits { resource: -1 } nice: -20 cpus: [0, 1, 127, 128, 300]"
    ' blocked: 2 ignored: [13, 25] uid: 1000 euid: 4294967295 groups: 0 stdin: 2 stdout: 1 exec: true interpreter: ["/usr/bin/python3", "", "-X"]'
)

# Text form of Google's package -> vector. Between them: every type of field, the default values, the least and greatest numbers.
CASES = {
    "flush": "call: 1 flush {}",
    "hello_worker": "call: 7 hello { version: 1 client: 262143 process_id: 4294967302 }",
    "hello_head": "call: 4294967295 hello { role: HEAD version: 1 streams: true }",
    "welcome": r'call: 7 welcome { client: 2 process_id: 18446744073709551615 run_id: "\000\001\376\377" node: 3 host: "n\303\244he-1" }',
    "failure": 'call: 9 failure { kind: "memory" text: "need 1, have 0" errno: -12 }',
    "spawn": (
        'call: 300 spawn { setting: "SETTING"'
        r' payload: "\200\004." passed: 3 exit_event: 1099511627776 exit_event_id: 4294967317 tokens: [1, 9223372036854775808] name: "P-1" daemon: true'
        r' preparation: "m\000" }'
    ),
    "grown_refusal": 'call: 2 grown { need: 2097152 have: 4096 limit: 1073741824 setting: "DRAGON_MEMORY" }',
    "fork": 'fork { setting: "(&" payload: "x" passed: 1 client: 5 process_id: 4294967303 name: "Process-1" preparation: "p" }',
    "exited": "exited { os_pid: 4194304 status: 9 }",
    "zygote_hello": 'zygote_hello { version: 1 interpreter: "python3" }',
}


@pytest.fixture(scope="module")
def google(tmp_path_factory):
    """The module that Google's compiler makes of the schema."""
    folder = tmp_path_factory.mktemp("google")
    return google_module(folder)


def google_module(folder: pathlib.Path):
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"-I{ROOT / 'spec'}",
        f"--python_out={folder}",
        "control.proto",
    ]
    subprocess.run(command, check=True)
    sys.path.insert(0, str(folder))
    import control_pb2

    return control_pb2


def ours(theirs):
    """A message of ours with the values of one of Google's."""
    message = MESSAGES[theirs.DESCRIPTOR.name]
    result = getattr(_control, message.name)()
    for field in message.plain():
        value = getattr(theirs, field.name)
        if field.label == "repeated":
            setattr(result, field.name, [ours(each) if field.kind == "message" else each for each in value])
        else:
            setattr(result, field.name, ours(value) if field.kind == "message" else value)
    if message.oneof:
        member = theirs.WhichOneof(message.oneof)
        setattr(result, message.oneof, ours(getattr(theirs, member)) if member else None)
    return result


def vectors():
    """text form, bytes of each golden vector."""
    lines = [line.split(" | ") for line in VECTORS.read_text().splitlines() if not line.startswith("#")]
    return [pytest.param(text, bytes.fromhex(data), id=name) for name, text, data in lines]


@pytest.mark.parametrize(("text", "data"), vectors())
def test_vectors_are_what_google_writes_and_we_read_and_write(google, text, data):
    from google.protobuf import text_format

    theirs = text_format.Parse(text, google.Frame())
    assert theirs.SerializeToString(deterministic=True) == data
    frame = _control.Frame.decode(data)
    assert frame == ours(theirs)
    assert frame.encode() == data


def test_an_absent_and_an_empty_message_are_the_same(google):
    theirs = google.Frame(call=5, spawn=google.Spawn(setting=b""))
    frame = _control.Frame.decode(theirs.SerializeToString())
    assert frame == _control.Frame(5, _control.Spawn())
    assert frame.encode() == google.Frame(call=5, spawn=google.Spawn()).SerializeToString()
    assert _control.Frame.decode(b"") == _control.Frame()


NUMBERS = [0, 1, 127, 128, 16383, 16384, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
RANGES = {
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "sint32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "sint64": (-(2**63), 2**63 - 1),
}


def random_value(dice, message, field):
    if field.type in RANGES:
        low, high = RANGES[field.type]
        number = dice.choice(NUMBERS) * dice.choice((1, -1))
        return min(max(number, low), high)
    if field.type == "bool":
        return dice.random() < 0.5
    if field.type == "string":
        return "".join(chr(dice.choice((65, 0, 228, 8364, 128009))) for _ in range(dice.choice((0, 1, 3, 130))))
    if field.type == "bytes":
        return dice.randbytes(dice.choice((0, 1, 127, 128, 300)))
    return dice.randrange(len(next(enum.values for enum in message.enums if enum.name == field.type)))


def fill(dice, theirs):
    """Gives one of Google's messages random values."""
    message = MESSAGES[theirs.DESCRIPTOR.name]
    for field in message.plain():
        if dice.random() < 0.3:
            continue
        target = getattr(theirs, field.name)
        if field.label == "repeated":
            for _ in range(dice.choice((1, 2, 50))):
                if field.kind == "message":
                    fill(dice, target.add())
                else:
                    target.append(random_value(dice, message, field))
        elif field.kind == "message":
            fill(dice, target)
        else:
            setattr(theirs, field.name, random_value(dice, message, field))
    if message.oneof:
        member = getattr(theirs, dice.choice(message.members()).name)
        member.SetInParent()
        fill(dice, member)


def test_random_messages_go_both_ways(google):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(500):
        theirs = google.Frame()
        fill(dice, theirs)
        mine = ours(theirs)
        data = theirs.SerializeToString()
        assert _control.Frame.decode(data) == mine
        assert ours(google.Frame.FromString(mine.encode())) == mine


def test_numbers_of_a_packed_field_are_read_one_by_one_too():
    packed = _control.Setting(cpus=[1, 300])
    assert packed.encode() == bytes.fromhex("3203 01ac02")
    assert _control.Setting.decode(bytes.fromhex("3001 30ac02")) == packed


def test_unknown_fields_are_skipped():
    extra = (
        bytes.fromhex("a006 05")
        + bytes.fromhex("a106 0102030405060708")
        + bytes.fromhex("a206 03 616263")
        + bytes.fromhex("a506 01020304")
    )
    assert _control.Reap.decode(extra + _control.Reap(7).encode() + extra) == _control.Reap(7)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("08", id="no value"),
        pytest.param("0880", id="half a number"),
        pytest.param("08" + "80" * 10 + "01", id="endless number"),
        pytest.param("12ff01", id="length beyond the end"),
        pytest.param("0a01", id="half a frame, wire type of another field"),
        pytest.param("62050a0332", id="message cut in the middle"),
        pytest.param("620208", id="inner message without its value"),
        pytest.param("12030a01ff", id="text that is not UTF-8"),
        pytest.param("52020805", id="unknown enum value"),
        pytest.param("00", id="field number 0"),
        pytest.param("0b", id="group"),
        pytest.param("a106 01", id="half a fixed number"),
    ],
)
def test_malformed_bytes_are_an_error(data):
    with pytest.raises(_control.WireError):
        _control.Frame.decode(bytes.fromhex(data))


def test_every_prefix_of_a_frame_is_read_or_an_error():
    data = _control.Frame(7, _control.Welcome(2, 2**40, b"0123456789abcdef", 1, "host")).encode()
    read = 0
    for cut in range(len(data)):
        try:
            _control.Frame.decode(data[:cut])
            read += 1
        except _control.WireError:
            pass
    assert read == 2  # the empty frame, and the one that ends after its call


@pytest.mark.parametrize("wrong", [{"client": -1}, {"client": 2**32}, {"process_id": 2**64}, {"process_id": -1}])
def test_numbers_that_do_not_fit_are_refused(wrong):
    with pytest.raises(_control.WireError):
        _control.Hello(**wrong).encode()


def test_generated_files_are_current():
    subprocess.run([sys.executable, str(ROOT / "spec/generate.py"), "--check"], check=True)


def write_vectors() -> None:
    import tempfile

    from google.protobuf import text_format

    with tempfile.TemporaryDirectory() as folder:
        google = google_module(pathlib.Path(folder))
        setting = text_format.Parse(SETTING, google.Setting()).SerializeToString(deterministic=True)
        setting = "".join(f"\\{byte:03o}" for byte in setting)
        lines = [
            "# Golden bytes of control frames: name | text form | bytes. Written by tests/python/test_control_codec.py with Google's protobuf package."
        ]
        for name, text in CASES.items():
            text = text.replace("SETTING", setting)
            data = text_format.Parse(text, google.Frame()).SerializeToString(deterministic=True)
            lines.append(f"{name} | {text} | {data.hex()}")
    VECTORS.parent.mkdir(exist_ok=True)
    VECTORS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write_vectors()
