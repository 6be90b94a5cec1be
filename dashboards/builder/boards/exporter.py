"""Is the monitoring itself healthy?"""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, lines, number
from dashboards.builder.shared import ON_OFF

OWN = '{instance=~"$instance"}'
EXPORTERS = f"exchange_exporter_build_info{OWN}"

EXPORTER = Board(
    "exchange-exporter",
    "Exporter",
    "Is the monitoring itself healthy?",
    (
        (
            "Health",
            (
                number(
                    "Up",
                    "Whether Prometheus reaches the exporters.",
                    (
                        f"up{OWN} and on (job, instance) last_over_time({EXPORTERS}[6h])",
                        "{{instance}}",
                    ),
                    states=ON_OFF,
                ),
                number(
                    "Configuration",
                    "Whether the last reload was taken.",
                    (f"exchange_exporter_config_last_reload_successful{OWN}", "{{instance}}"),
                    states={0: ("refused", BAD), 1: ("in force", GOOD)},
                ),
                number(
                    "Targets",
                    "How many are configured.",
                    (f"exchange_exporter_targets{OWN}", "{{instance}}"),
                ),
                number(
                    "Probes in flight",
                    "At the last scrape. Many for long: an exchange hangs.",
                    (f"exchange_exporter_probes_in_flight{OWN}", "{{instance}}"),
                ),
                lines(
                    "Event loop lag",
                    "99 in 100 timers. Above 0.1 s measurements suffer.",
                    (
                        "histogram_quantile(0.99, sum by (instance, le) "
                        f"(rate(exchange_exporter_event_loop_lag_seconds_bucket{OWN}[$__rate_interval])))",
                        "{{instance}}",
                    ),
                    unit="s",
                    low=0,
                    steps=((None, GOOD), (0.1, BAD)),
                ),
                lines(
                    "Rendering",
                    "Time that the last full scrape took to write.",
                    (f"exchange_exporter_last_render_duration_seconds{OWN}", "{{instance}}"),
                    unit="s",
                    low=0,
                ),
                lines(
                    "Memory",
                    "Resident. Normal is 60 to 150 MB.",
                    (
                        f"process_resident_memory_bytes{OWN} and on (job, instance) {EXPORTERS}",
                        "{{instance}}",
                    ),
                    unit="bytes",
                    low=0,
                ),
                lines(
                    "Processor",
                    "Processor cores in use; one is the most.",
                    (
                        f"rate(process_cpu_seconds_total{OWN}[$__rate_interval]) and on (job, instance) {EXPORTERS}",
                        "{{instance}}",
                    ),
                    low=0,
                ),
                lines(
                    "Trouble of our own",
                    "Failed saves, crashed checks, unknown targets, latencies without the kernel's time "
                    "stamp; in 15 minutes. Normal is none.",
                    (
                        f"sum by (instance) (increase(exchange_exporter_state_errors_total{OWN}[15m]))",
                        "{{instance}} state",
                    ),
                    (
                        f"sum by (instance) (increase(exchange_exporter_check_errors_total{OWN}[15m]))",
                        "{{instance}} checks",
                    ),
                    (
                        f"sum by (instance) (increase(exchange_exporter_unknown_targets_total{OWN}[15m]))",
                        "{{instance}} unknown targets",
                    ),
                    (
                        f"sum by (instance) (increase(exchange_exporter_timestamp_fallbacks_total{OWN}[15m]))",
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
    ("instance",),
)
