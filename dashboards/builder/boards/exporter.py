"""The board exporter."""

from __future__ import annotations

from builder.board import Board
from builder.panels import BAD, GOOD, lines, number
from builder.shared import ON_OFF

EXPORTER = Board(
    "exchange-exporter",
    "Exporter",
    "Is what we measure with all right?",
    (
        (
            "Health",
            (
                number(
                    "Up",
                    "Whether Prometheus reaches the exporters.",
                    ('up{job="exchange-exporter"}', "{{instance}}"),
                    states=ON_OFF,
                ),
                number(
                    "Configuration",
                    "Whether the last reload was taken.",
                    ("exchange_exporter_config_last_reload_successful", "{{instance}}"),
                    states={0: ("refused", BAD), 1: ("in force", GOOD)},
                ),
                number(
                    "Targets",
                    "How many are configured.",
                    ("exchange_exporter_targets", "{{instance}}"),
                ),
                number(
                    "Probes in flight",
                    "At the last scrape. Many for long: an exchange hangs.",
                    ("exchange_exporter_probes_in_flight", "{{instance}}"),
                ),
                lines(
                    "Event loop lag",
                    "99 in 100 timers. Above 0.1 s measurements suffer.",
                    (
                        "histogram_quantile(0.99, sum by (instance, le) "
                        "(rate(exchange_exporter_event_loop_lag_seconds_bucket[$__rate_interval])))",
                        "{{instance}}",
                    ),
                    unit="s",
                    low=0,
                    steps=((None, GOOD), (0.1, BAD)),
                ),
                lines(
                    "Rendering",
                    "Time that the last full scrape took to write.",
                    ("exchange_exporter_last_render_duration_seconds", "{{instance}}"),
                    unit="s",
                    low=0,
                ),
                lines(
                    "Memory",
                    "Resident. Normal is 60 to 150 MB.",
                    ('process_resident_memory_bytes{job="exchange-exporter"}', "{{instance}}"),
                    unit="bytes",
                    low=0,
                ),
                lines(
                    "Processor",
                    "Processor cores in use; one is the most.",
                    (
                        'rate(process_cpu_seconds_total{job="exchange-exporter"}[$__rate_interval])',
                        "{{instance}}",
                    ),
                    low=0,
                ),
                lines(
                    "Trouble of our own",
                    "Failed saves, crashed checks, unknown targets, latencies without the kernel's time "
                    "stamp; in 15 minutes. Normal is none.",
                    (
                        "sum by (instance) (increase(exchange_exporter_state_errors_total[15m]))",
                        "{{instance}} state",
                    ),
                    (
                        "sum by (instance) (increase(exchange_exporter_check_errors_total[15m]))",
                        "{{instance}} checks",
                    ),
                    (
                        "sum by (instance) (increase(exchange_exporter_unknown_targets_total[15m]))",
                        "{{instance}} unknown targets",
                    ),
                    (
                        "sum by (instance) (increase(exchange_exporter_timestamp_fallbacks_total[15m]))",
                        "{{instance}} time stamps",
                    ),
                    low=0,
                ),
                lines(
                    "Schedule",
                    "Probes carried out of those planned, by exchange.",
                    ("exchange:schedule:ratio_rate15m", "{{exchange}}"),
                    unit="percentunit",
                    low=0,
                ),
            ),
        ),
    ),
)
