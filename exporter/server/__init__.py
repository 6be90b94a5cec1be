"""The HTTP surface: /probe, /sd, /metrics, the landing page, lifecycle."""

from exporter.server.application import build_application
from exporter.server.settings import ServerSettings

__all__ = ["ServerSettings", "build_application"]
