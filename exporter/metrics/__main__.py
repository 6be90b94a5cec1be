"""Prints the text of docs/metrics.md."""

import sys

from exporter.metrics.document import document

sys.stdout.write(document())
