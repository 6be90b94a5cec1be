"""``check-config``: the checks of a start, without starting anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from exporter.config.document import Document, read_document
from exporter.config.errors import ConfigError, Problem
from exporter.config.loader import load_config, shipped_catalog
from exporter.config.plan import build_plan, catalog_problems
from exporter.config.schema_check import schema_problems


def check_files(files: Sequence[Path]) -> Iterator[tuple[str, list[Problem], str]]:
    """For each file its name, its problems and a summary; the shipped catalog without files.

    A file with a ``name`` and ``endpoints`` is a catalog file, anything else a configuration.
    """
    if not files:
        for document in shipped_catalog().values():
            yield document.file, check_catalog(document), _summary(document)
    for file in files:
        yield str(file), *_check_file(file)


def check_catalog(document: Document) -> list[Problem]:
    """Everything that is wrong with one catalog file."""
    return list(schema_problems(document, "exchange")) or catalog_problems(document)


def _check_file(file: Path) -> tuple[list[Problem], str]:
    try:
        document = read_document(file)
        if isinstance(document.data, dict) and {"name", "endpoints"} & document.data.keys():
            problems = check_catalog(document)
            return problems, "" if problems else _summary(document)
        plan = build_plan(load_config(file))
    except ConfigError as error:
        return list(error.problems), ""
    warnings = "".join(f"; warning: {warning}" for warning in plan.warnings)
    return [], f"{len(plan.targets)} targets of {len(plan.exchanges)} exchanges{warnings}"


def _summary(document: Document) -> str:
    return f"{document.data['title']}, {len(document.data['endpoints'])} endpoints"
