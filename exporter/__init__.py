"""A Prometheus exporter that judges whether exchange APIs are up, true and fresh."""

from importlib import metadata

try:
    __version__ = metadata.version("exchange-exporter")
except metadata.PackageNotFoundError:  # run from a tree that was never installed
    __version__ = "0.0.0"
