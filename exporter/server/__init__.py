"""The HTTP surface: /probe, /sd, /metrics, the landing page, lifecycle, TLS and basic auth."""

from exporter.server.application import build_application
from exporter.server.listen import Server, start_server
from exporter.server.settings import ServerSettings

__all__ = ["Server", "ServerSettings", "build_application", "start_server"]
