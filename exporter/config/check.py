"""``check-config``: the checks of a start, without starting anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from exporter.config.document import Document, read_document
from exporter.config.errors import ConfigError, Problem
from exporter.config.loader import form_problems, load_config, shipped_catalog
from exporter.config.plan import build_plan, catalog_problems

Samples = Callable[[Document], list[Problem]]
"""What is wrong with the samples of a catalog file; the simulator knows."""


def check_files(
    files: Sequence[Path], samples: Samples
) -> Iterator[tuple[str, list[Problem], str]]:
    """For each file its name, its problems and a summary; the shipped catalog without files.

    A file with a ``name`` and ``endpoints`` is a catalog file, anything else a configuration.
    """
    if not files:
        for document in shipped_catalog().values():
            yield document.file, check_catalog(document, samples), _summary(document)
    for file in files:
        yield str(file), *_check_file(file, samples)


def check_catalog(document: Document, samples: Samples) -> list[Problem]:
    """Everything that is wrong with one catalog file."""
    return form_problems(document) or catalog_problems(document) or samples(document)


def _check_file(file: Path, samples: Samples) -> tuple[list[Problem], str]:
    try:
        document = read_document(file)
        if isinstance(document.data, dict) and {"name", "endpoints"} & document.data.keys():
            problems = check_catalog(document, samples)
            return problems, "" if problems else _summary(document)
        config = load_config(file)
        plan = build_plan(config)
        if problems := [problem for each in config.exchanges for problem in samples(each.catalog)]:
            return problems, ""
    except ConfigError as error:
        return list(error.problems), ""
    warnings = "".join(f"; warning: {warning}" for warning in plan.warnings)
    return [], f"{len(plan.targets)} targets of {len(plan.exchanges)} exchanges{warnings}"


def _summary(document: Document) -> str:
    return f"{document.data['title']}, {len(document.data['endpoints'])} endpoints"
