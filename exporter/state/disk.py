"""Keeps the snapshot in one JSON file that is replaced atomically.

A reader or a restart sees the old file or the new one, never half of one, also after a crash or a
power cut: write to a second file, fsync, rename, fsync the directory.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from exporter.state.codec import decode, encode
from exporter.state.store import Snapshot

_MAX_BYTES = 64 * 1024 * 1024


class DiskStore:
    """``state.json`` in a directory that is created when it is missing. One process at a time:
    two would overwrite each other's bans.
    """

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory)
        self._file = self._directory / "state.json"
        self._draft = self._directory / "state.json.tmp"
        self._corrupt = self._directory / "state.json.corrupt"
        self._lock: int | None = None

    def claim(self) -> str | None:
        """Lock the directory until ``release`` or the end of the process, however it comes."""
        lock = None
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A file of its own, for state.json is replaced with every save.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
            lock = os.open(self._directory / "state.lock", flags, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if lock is not None:
                os.close(lock)
            if isinstance(error, BlockingIOError):
                return f"another exporter keeps its state in {self._directory}"
            why = "not a folder" if isinstance(error, FileExistsError) else error.strerror
            return f"cannot keep state in {self._directory}: {why}"
        self._lock = lock
        return None

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def load(self) -> tuple[Snapshot, str | None]:
        """What was saved last. A corrupt file is moved aside, unless an earlier one is there."""
        try:
            with self._file.open("rb") as file:
                text = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return Snapshot(), None
        except OSError as error:
            return Snapshot(), f"cannot read {self._file}: {error.strerror}"
        try:
            if len(text) > _MAX_BYTES:
                raise ValueError(f"larger than {_MAX_BYTES} bytes")
            return decode(text), None
        except ValueError as error:
            return Snapshot(), f"{self._file} is corrupt ({error}); {self._keep_aside()}"

    def _keep_aside(self) -> str:
        if self._corrupt.exists():
            return f"not kept, {self._corrupt.name} is there already"
        try:
            self._file.rename(self._corrupt)
        except OSError as error:
            return f"cannot keep it as {self._corrupt.name}: {error.strerror}"
        return f"kept as {self._corrupt.name}"

    def save(self, snapshot: Snapshot) -> str | None:
        """Replace the file (mode 0600). Blocks for the time of two fsyncs."""
        try:
            text = encode(snapshot)
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write_draft(text)
            self._draft.replace(self._file)
            self._sync_directory()
        except OSError as error:
            return f"cannot write {self._file}: {error.strerror}"
        except ValueError as error:
            return f"cannot write {self._file}: {error}"
        return None

    def _write_draft(self, text: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(self._draft, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)  # a draft left behind keeps its mode
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _sync_directory(self) -> None:
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
