"""The state on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.breaker import CircuitState
from exporter.core.bucket import BucketState, Observed
from exporter.core.limits import BlockState, LimiterState
from exporter.core.model import Reason
from exporter.core.plan import Scope
from exporter.state import DiskStore, MemoryStore, Snapshot
from exporter.state.codec import decode, encode

FULL = Snapshot(
    LimiterState(
        (
            BucketState("ip", ((1.5, 2.0), (2.5, 0.5)), 600.0, Observed(5.0, 100.0, 61.5)),
            BucketState("account"),
        ),
        (BlockState(Scope.ENDPOINT, "binance", "depth", "", 99.0, Reason.BANNED, 3),),
    ),
    (CircuitState("binance", "api.binance.com", 2, 70.25),),
)


def paths(node: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every node of a document."""
    yield path
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from paths(child, (*path, key))


def changed(path: tuple[Any, ...], value: object) -> bytes:
    """The full document with another value at ``path``."""
    document = json.loads(encode(FULL))
    if not path:
        return json.dumps(value).encode()
    node = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return json.dumps(document).encode()


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """Every field, through a directory that did not exist, in a private file."""
    store = DiskStore(tmp_path / "a" / "state")
    assert store.load() == (Snapshot(), None)
    assert store.save(FULL) is None
    assert DiskStore(tmp_path / "a" / "state").load() == (FULL, None)
    file = tmp_path / "a" / "state" / "state.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_memory_lasts_as_long_as_the_process() -> None:
    """The store without a disk."""
    store = MemoryStore()
    assert store.load() == (Snapshot(), None)
    assert store.save(FULL) is None
    assert store.load() == (FULL, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(b"", "Expecting value", id="empty"),
        pytest.param(encode(FULL)[:-9], "Expecting", id="cut off"),
        pytest.param(b"\xff\xfe\x00", "decode", id="binary"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep"),
        pytest.param(b"[]", "expected a document of version 1", id="no object"),
        pytest.param(changed(("version",), 2), "version 1", id="future version"),
        pytest.param(changed(("version",), True), "version 1", id="no version"),
        pytest.param(changed(("extra",), 1), "expected an object of version", id="unknown key"),
        pytest.param(changed(("blocks", 0, "until"), float("nan")), "NaN is not", id="NaN"),
        pytest.param(changed(("blocks", 0, "until"), 10**400), "out of range", id="huge"),
        pytest.param(changed(("blocks", 0, "reason"), "mood"), "mood", id="unknown reason"),
        pytest.param(changed(("blocks", 0, "scope"), "moon"), "moon", id="unknown scope"),
        pytest.param(changed(("buckets", 0, "spent", 0), [1]), "unix seconds, units", id="row"),
        pytest.param(
            changed(("buckets", 0, "observed", "limit"), 0), "a positive number", id="zero limit"
        ),
        pytest.param(encode(FULL).replace(b"99.0", b"1e999"), "out of range", id="infinite"),
        pytest.param(encode(FULL).replace(b"99.0", b"9" * 5000), "limit", id="long integer"),
    ],
)
def test_a_corrupt_file_is_kept_aside(tmp_path: Path, text: bytes, problem: str) -> None:
    """The exporter starts empty and says why; the evidence stays, the next save works."""
    (tmp_path / "state.json").write_bytes(text)
    store = DiskStore(tmp_path)
    loaded, found = store.load()
    assert loaded == Snapshot()
    assert found is not None
    assert problem in found
    assert (tmp_path / "state.json.corrupt").read_bytes() == text
    assert store.save(FULL) is None
    assert store.load() == (FULL, None)


def test_the_first_corrupt_file_is_the_one_kept(tmp_path: Path) -> None:
    """A crash loop does not overwrite the evidence."""
    (tmp_path / "state.json").write_text("second")
    (tmp_path / "state.json.corrupt").write_text("first")
    _, problem = DiskStore(tmp_path).load()
    assert problem is not None
    assert problem.endswith("not kept, state.json.corrupt is there already")
    assert (tmp_path / "state.json.corrupt").read_text() == "first"


@pytest.mark.parametrize("value", ["?", -1, True, [], {}, [None], 1.5], ids=repr)
def test_every_field_is_validated(value: object) -> None:
    """A value of another type or range is refused, or is one that the field may have."""
    refused = 0
    for path in paths(json.loads(encode(FULL))):
        try:
            loaded = decode(changed(path, value))
        except ValueError:
            refused += 1
        else:
            assert decode(encode(loaded)) == loaded
    assert refused >= 20


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_no_file_raises_anything_else(text: bytes) -> None:
    """Random bytes are no snapshot, and the error is the one that the store expects."""
    try:
        decode(text)
    except ValueError:
        return
    raise AssertionError


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_saved(tmp_path: Path, number: float) -> None:
    """A bug of ours is reported and does not replace the last good file."""
    store = DiskStore(tmp_path)
    assert store.save(FULL) is None
    problem = store.save(Snapshot(circuits=(CircuitState("x", "y", 1, number),)))
    assert problem is not None
    assert store.load() == (FULL, None)


def test_a_file_in_the_way_is_reported(tmp_path: Path) -> None:
    """Neither loading nor saving raises."""
    (tmp_path / "file").write_text("")
    store = DiskStore(tmp_path / "file")
    assert store.load()[1] is not None
    problem = store.save(FULL)
    assert problem is not None
    assert problem.startswith("cannot write")


def test_an_unreadable_file_is_reported_and_left_alone(tmp_path: Path) -> None:
    """A directory of that name: cannot be read, replaced or moved."""
    (tmp_path / "state.json").mkdir()
    loaded, problem = DiskStore(tmp_path).load()
    assert loaded == Snapshot()
    assert problem is not None
    assert problem.startswith("cannot read")
    assert DiskStore(tmp_path).save(FULL) is not None


def test_a_link_in_place_of_the_draft_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write into the directory cannot make us overwrite another file."""
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "state.json.tmp").symlink_to(tmp_path / "victim")
    assert DiskStore(tmp_path).save(FULL) is not None
    assert (tmp_path / "victim").read_text() == "precious"


CLAIMER = """
import sys
from exporter.state.disk import DiskStore
print(DiskStore(sys.argv[1]).claim(), flush=True)
sys.stdin.read()
"""


def test_a_directory_is_kept_by_one_process(tmp_path: Path) -> None:
    """Two would erase each other's bans. A process that is killed leaves nothing behind."""
    taken = f"another exporter keeps its state in {tmp_path}"
    store = DiskStore(tmp_path)
    command = [sys.executable, "-c", CLAIMER, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"None\n"
        assert store.claim() == taken
        process.kill()
    assert store.claim() is None
    assert DiskStore(tmp_path).claim() == taken
    assert store.save(FULL) is None
    store.release()
    again = DiskStore(tmp_path)
    assert again.claim() is None
    again.release()


def test_a_directory_that_cannot_be_had_is_told_at_once(tmp_path: Path) -> None:
    """A file in its place, or above it."""
    (tmp_path / "file").write_text("")
    for path, why in (("file", "not a folder"), ("file/state", "Not a directory")):
        problem = f"cannot keep state in {tmp_path / path}: {why}"
        assert DiskStore(tmp_path / path).claim() == problem


SAVER = """
import sys
from exporter.state.codec import decode
from exporter.state.disk import DiskStore
store, snapshots = DiskStore(sys.argv[1]), [decode(text.encode()) for text in sys.argv[2:]]
while True:
    for snapshot in snapshots:
        if problem := store.save(snapshot):
            sys.exit(problem)
        print(flush=True)
"""


def test_a_killed_process_leaves_a_whole_file(tmp_path: Path) -> None:
    """SIGKILL at whatever point of a save: the file is the old one or the new one."""
    spent = tuple((float(n), 1.0) for n in range(2000))
    large = Snapshot(LimiterState((BucketState("ip", spent),)))
    texts = [encode(FULL).decode(), encode(large).decode()]
    for saves in (1, 2, 5, 20):
        command = [sys.executable, "-c", SAVER, str(tmp_path), *texts]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(saves):
                assert process.stdout.readline() == b"\n"
            process.kill()
        loaded, problem = DiskStore(tmp_path).load()
        assert problem is None
        assert loaded in (FULL, large)
