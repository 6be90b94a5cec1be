"""The page at ``/``: what is simulated, which faults are in force, and how to switch them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from exporter.simulator.faults import FAULTS, ActiveFault
from exporter.simulator.provider import Endpoint, Provider

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Exchange simulator</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto;
       padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0;
          border-bottom: 1px solid #8884 }}
code, pre {{ font-family: ui-monospace, monospace; font-size: .9em }}
pre {{ background: #8882; padding: .7rem; overflow-x: auto }}
</style></head><body>
<h1>Exchange simulator</h1>
<p>Stands in for the exchanges below. All prices are made up. Point an exchange's
<code>base_url</code> at <code>{base}/&lt;exchange&gt;</code>.</p>
<h2>Faults in force</h2>
{active}
<h2>Switch faults</h2>
<p>A POST replaces the whole list; leave out <code>endpoint</code> to hit every call.</p>
<pre>curl {base}/faults \\
     -d '[{{"exchange": "{example}", "endpoint": "depth", "fault": "stale", "seconds": 120}}]'
curl {base}/faults
curl -X DELETE {base}/faults</pre>
<h2>Exchanges</h2>
<table><tr><th>exchange</th><th>calls</th></tr>{exchanges}</table>
<h2>Faults</h2>
<table><tr><th>fault</th><th>what it does</th><th>parameters</th></tr>{faults}</table>
</body></html>
"""


def page(base: str, providers: Iterable[Provider], faults: Sequence[ActiveFault]) -> str:
    """The page as HTML; ``base`` is the simulator's own URL."""
    providers = tuple(providers)
    return _PAGE.format(
        base=escape(base),
        example=escape(providers[0].name if providers else "exchange"),
        active=_active(faults),
        exchanges="".join(map(_exchange, providers)),
        faults="".join(_fault(name) for name in FAULTS),
    )


def _active(faults: Sequence[ActiveFault]) -> str:
    if not faults:
        return "<p>None: every exchange is well.</p>"
    rows = (
        f"<li><strong>{escape(f.name)}</strong> on {escape(f.exchange)} "
        f"{escape(f.endpoint or '(every call)')} {escape(_values(f))}</li>"
        for f in faults
    )
    return f"<ul>{''.join(rows)}</ul>"


def _values(fault: ActiveFault) -> str:
    return ", ".join(_shown(name, value) for name, value in fault.values.items())


def _shown(name: str, value: float | str) -> str:
    return f"{name} = {value}" if isinstance(value, str) else f"{name} = {value:g}"


def _exchange(provider: Provider) -> str:
    calls = ", ".join(_link(provider, endpoint) for endpoint in provider.endpoints.values())
    return f"<tr><td><code>{escape(provider.name)}</code></td><td>{calls}</td></tr>"


def _link(provider: Provider, endpoint: Endpoint) -> str:
    return f'<a href="{escape(provider.example(endpoint))}">{escape(endpoint.name)}</a>'


def _fault(name: str) -> str:
    fault = FAULTS[name]
    parameters = ", ".join(_shown(key, p.default) for key, p in fault.parameters.items())
    return (
        f"<tr><td><code>{name}</code></td><td>{escape(fault.summary)}</td>"
        f"<td>{escape(parameters)}</td></tr>"
    )
