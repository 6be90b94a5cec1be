"""Is the monitoring itself healthy?"""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, lines, number
from dashboards.builder.shared import ON_OFF, SCHEDULE

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
                    "Whether Prometheus reaches the exporters. Normal is yes. Otherwise nothing is watched: "
                    "is the process there, and its port open?",
                    (
                        f"up{OWN} and on (job, instance) last_over_time({EXPORTERS}[6h])",
                        "{{instance}}",
                    ),
                    states=ON_OFF,
                ),
                number(
                    "Configuration",
                    "Whether the last reload was taken. Normal is in force. If refused, the one before stays: "
                    "`check-config` tells why.",
                    (f"exchange_exporter_config_last_reload_successful{OWN}", "{{instance}}"),
                    states={0: ("refused", BAD), 1: ("in force", GOOD)},
                ),
                number(
                    "Targets",
                    "How many are configured. Normal is what you configured. If fewer are scraped, an alert "
                    "tells.",
                    (f"exchange_exporter_targets{OWN}", "{{instance}}"),
                ),
                number(
                    "Probes in flight",
                    "At the last scrape. Normal is none or a few. Many for long: an exchange hangs, which "
                    "its latency shows.",
                    (f"exchange_exporter_probes_in_flight{OWN}", "{{instance}}"),
                ),
                lines(
                    "Event loop lag",
                    "99 in 100 timers. Normal is some milliseconds. Above 0.1 s measurements suffer: give it "
                    "more processor, or fewer targets.",
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
                    "Time that the last full scrape took to write. Normal is below 0.1 s. It grows with "
                    "targets: scrape them each by itself.",
                    (f"exchange_exporter_last_render_duration_seconds{OWN}", "{{instance}}"),
                    unit="s",
                    low=0,
                ),
                lines(
                    "Memory",
                    "Resident. Normal is 60 to 150 MB for the exporter alone, up to 230 MB with the simulator "
                    "in the same process. If it only grows, report it.",
                    (
                        f"process_resident_memory_bytes{OWN} and on (job, instance) {EXPORTERS}",
                        "{{instance}}",
                    ),
                    unit="bytes",
                    low=0,
                ),
                lines(
                    "Processor",
                    "Processor cores in use; one is the most. Normal is below 0.3. Near 1 the event loop lags: "
                    "split the targets among exporters.",
                    (
                        f"rate(process_cpu_seconds_total{OWN}[$__rate_interval]) and on (job, instance) {EXPORTERS}",
                        "{{instance}}",
                    ),
                    low=0,
                ),
                lines(
                    "Trouble of our own",
                    "Failed saves, crashed checks, unknown targets, latencies without the kernel's time "
                    "stamp; in 15 minutes. Normal is none. The log tells what it was.",
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
                    "Probes carried out of those planned, by exchange. Normal is near 100 %. Below 50 % the "
                    "alert fires: they are skipped, or the exporter is overloaded.",
                    ("exchange:schedule:ratio_rate15m", "{{exchange}}"),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    worst="min",
                    steps=SCHEDULE,
                ),
            ),
        ),
    ),
    ("instance",),
)
