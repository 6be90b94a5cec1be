"""Watches streams all the time, so that a scrape only reads: one owned task per connection."""

from exporter.streams.monitor import Monitor
from exporter.streams.trace import TraceEvent, trace
from exporter.streams.watch import Tools

__all__ = ["Monitor", "Tools", "TraceEvent", "trace"]
