"""Which PromQL goes with which alert: the closed table of snapshots. Pure.

People choose the queries, here and under ``queries`` of the configuration; a model never does, and
neither does the text of an alert. ``$exchange`` stands for the exchange as a PromQL string.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from exporter.receiver.model import Incident

MAX_QUERIES = 24

_EVERYWHERE = {
    "statuses": "exchange:status",
    "offline_ratio": "prober:unreached_exchanges:ratio",
    "our_clock_skew": "prober:clock_skew_seconds:median",
}
"""How far trouble reaches: the same for every incident."""

_EXCHANGE = {
    "status": "exchange:status{exchange=$exchange}",
    "signals": "exchange:signal{exchange=$exchange}",
    "maintenance": "max by (exchange) (exchange_maintenance{exchange=$exchange})",
    "failures": "target:probe_failed:max{exchange=$exchange}",
    "unanswered_ratio": "exchange:unanswered_endpoints:ratio{exchange=$exchange}",
    "success_ratio": "exchange:probe_success:ratio_rate5m{exchange=$exchange}",
    "blocked_seconds": "exchange:blocked_seconds:max{exchange=$exchange}",
}
"""The health of one exchange: for every incident that has one."""

_AREAS: Mapping[str, Mapping[str, str]] = {
    "availability": {
        "requests": "exchange:requests:rate5m{exchange=$exchange}",
        "latency_p90": 'exchange:latency_seconds:quantile5m{quantile="0.9"}',
    },
    "latency": {
        "latency_p90": 'exchange:latency_seconds:quantile5m{quantile="0.9"}',
        "endpoint_latency": (
            'topk(5, endpoint:latency_seconds:quantile5m{exchange=$exchange,quantile="0.5"})'
        ),
    },
    "limits": {
        "limits_used": "limit:used:max{exchange=$exchange}",
        "limits_used_by_others": "limit:used_by_others:min{exchange=$exchange}",
        "starved_ratio": "exchange:starved:ratio_rate15m{exchange=$exchange}",
        "requests": "exchange:requests:rate5m{exchange=$exchange}",
    },
    "data": {
        "failed_checks": (
            "max by (endpoint, pair, check) (exchange_check_failed{exchange=$exchange} == 1)"
        ),
        "data_age": "exchange:data_age_seconds:max{exchange=$exchange}",
        "price_divergence": "exchange:price_divergence:ratio{exchange=$exchange}",
        "clock_skew": "exchange:clock_skew_seconds:avg{exchange=$exchange}",
    },
    "stream": {
        "streams_disconnected": "stream:connected:max{exchange=$exchange} == 0",
        "streams_silent": "stream:silent:min{exchange=$exchange} == 1",
        "stream_lag": (
            'topk(5, stream:event_lag_seconds:quantile5m{exchange=$exchange,quantile="0.9"})'
        ),
        "reconnects": "exchange:stream_reconnects:increase15m{exchange=$exchange}",
    },
    "security": {
        "clock_skew": "exchange:clock_skew_seconds:avg{exchange=$exchange}",
        "certificate_seconds": (
            "min by (exchange) (last_over_time("
            "probe_ssl_earliest_cert_expiry{exchange=$exchange}[1h])) - time()"
        ),
    },
}

_NAMES: Mapping[str, Mapping[str, str]] = {
    "ExchangeAnomaly": {"anomaly_scores": "anomaly:score{exchange=$exchange} >= 0.5"},
    "ExchangeErrorBudgetBurnsFast": {"burn_rates": "exchange:slo_burn_rate{exchange=$exchange}"},
    "ExchangeErrorBudgetBurnsSlowly": {"burn_rates": "exchange:slo_burn_rate{exchange=$exchange}"},
    "ExchangeErrorsHigh": {
        "errors_ratio": "exchange:probe_errors:ratio_rate15m{exchange=$exchange}"
    },
    "ExchangeScheduleBehind": {
        "schedule_ratio": "exchange:schedule:ratio_rate15m{exchange=$exchange}",
        "skips": "exchange:skips:rate5m{exchange=$exchange}",
    },
    "ExchangeTargetUnmeasured": {"skips": "exchange:skips:rate5m{exchange=$exchange}"},
    "ExchangeSpreadWide": {"spread": "exchange:spread_ratio:min{exchange=$exchange}"},
    "ExchangeBookThin": {"book_levels": "target:book_levels:min{exchange=$exchange}"},
}


def queries_of(
    incident: Incident, own: Mapping[str, Mapping[str, str]] | None = None
) -> Mapping[str, str]:
    """Snapshot name → PromQL for an incident, the general ones first, at most MAX_QUERIES.

    ``own`` is the ``queries`` of the configuration: alert name → snapshot name → PromQL.
    """
    tables: list[Mapping[str, str]] = [_EVERYWHERE, _EXCHANGE]
    for alert in incident.alerts:
        tables += [(own or {}).get(alert.name, {}), _NAMES.get(alert.name, {})]
    tables += [_AREAS.get(alert.labels.get("area", ""), {}) for alert in incident.alerts]
    chosen: dict[str, str] = {}
    for table in tables:
        for name, query in table.items():
            if incident.exchange or "$exchange" not in query:
                chosen.setdefault(name, query.replace("$exchange", _string(incident.exchange)))
    return dict(list(chosen.items())[:MAX_QUERIES])


def _string(text: str) -> str:
    """A PromQL string; the label may say anything."""
    return json.dumps(text)


def all_queries() -> tuple[str, ...]:
    """Every shipped query, for the test that binds them to the rules."""
    tables: list[Mapping[str, str]] = [_EVERYWHERE, _EXCHANGE, *_AREAS.values(), *_NAMES.values()]
    return tuple(query for table in tables for query in table.values())
