"""YAML documents that remember where each value stands, so that a problem can name its line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from exporter.config.errors import ConfigError, Problem

KeyPath = tuple[str | int, ...]
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALARS = SafeConstructor()
_MAX_BYTES = 1024 * 1024
_MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file: plain data, and the line of every key and list item."""

    file: str
    data: Any
    lines: dict[KeyPath, int]

    def problem(self, path: Sequence[str | int], what: str) -> Problem:
        """A problem at ``path``; the nearest enclosing value that has a line gives the line."""
        keys = tuple(path)
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return Problem(self.file, self.lines.get(keys, 1), format_path(path), what)


def format_path(path: Sequence[str | int]) -> str:
    """``("limits", 0, "name")`` as ``$.limits[0].name``."""
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


def read_document(path: Path) -> Document:
    """Parse a YAML file. Raises ConfigError when it cannot be read or is not sound YAML."""
    try:
        text = path.read_bytes()[: _MAX_BYTES + 1]
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, "", error.strerror or str(error))]) from error
    return parse_document(text, str(path))


def parse_document(text: bytes | str, file: str) -> Document:
    """Parse YAML text; ``file`` is what problems call it. An empty document is an empty mapping.

    Raises ConfigError for bad syntax, duplicate keys, aliases that nest without end, numbers that
    are not finite, and documents of more than 1 MiB.
    """
    if len(text) > _MAX_BYTES:
        raise ConfigError([Problem(file, 0, "", "larger than 1 MiB")])
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Document(file, {}, {(): 1})
            walk = _Walk(file)
            walk.visit(node, (), 0)
            if walk.problems:
                raise ConfigError(walk.problems)
            return Document(file, loader.construct_document(node), walk.lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError([Problem(file, line, "", error.problem or "not valid YAML")]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: undecodable bytes, impossible dates such as 2026-99-99.
        raise ConfigError([Problem(file, 0, "", f"not valid YAML: {error}")]) from error


class _Walk:
    """Collects the line of every value, the keys that stand twice or are not plain text, and the
    numbers with which nobody can count.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []

    def visit(self, node: yaml.Node, path: KeyPath, depth: int) -> None:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if depth > _MAX_DEPTH:
            self._report(node, path, "nested too deeply")
        elif isinstance(node, yaml.MappingNode):
            for key, value in self._entries(node, path):
                self.visit(value, (*path, key), depth + 1)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.visit(item, (*path, index), depth + 1)
        elif isinstance(node, yaml.ScalarNode) and not _is_finite(node):
            self._report(node, path, f"not a number that can be used: {node.value[:40]}")

    def _entries(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, yaml.Node]]:
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if not isinstance(key, yaml.ScalarNode) or name == "<<":
                self._report(key, path, "keys must be plain text")
                continue
            if name in seen:
                self._report(key, (*path, name), "this key stands twice")
            seen.add(name)
            self.lines[(*path, name)] = key.start_mark.line + 1
            yield name, value

    def _report(self, node: yaml.Node, path: KeyPath, what: str) -> None:
        line = node.start_mark.line + 1
        self.problems.append(Problem(self.file, line, format_path(path), what))


def _is_finite(node: yaml.ScalarNode) -> bool:
    """False of .nan, .inf and what is beyond a float; such a number passes every comparison."""
    try:
        if node.tag == "tag:yaml.org,2002:float":
            return math.isfinite(_SCALARS.construct_yaml_float(node))
        if node.tag == "tag:yaml.org,2002:int":
            return math.isfinite(float(_SCALARS.construct_yaml_int(node)))
    except OverflowError:
        return False
    return True
