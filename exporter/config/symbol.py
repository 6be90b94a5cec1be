"""How an exchange writes a pair, by its catalog file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def native_symbol(facts: Mapping[str, Any], pair: str) -> str:
    """The exchange's own name of a pair such as ``BTC-USDT``.

    Raises:
        ValueError: the catalog's pattern has an unknown placeholder.
    """
    if pair in (overrides := facts.get("symbols", {})):
        return str(overrides[pair])
    pattern, names = str(facts.get("symbol", "{base}{quote}")), asset_names(facts, pair)
    try:
        return pattern.format(**names)
    except (ValueError, LookupError, AttributeError):
        known = ", ".join(f"{{{name}}}" for name in names)
        raise ValueError(f"{pattern!r} cannot be filled in (known: {known})") from None


def symbol_aliases(facts: Mapping[str, Any], pair: str) -> tuple[str, ...]:
    """Other names of the pair under which the exchange may answer."""
    names = asset_names(facts, pair)
    return tuple(str(alias).format(**names) for alias in facts.get("aliases", ()))


def asset_names(facts: Mapping[str, Any], pair: str) -> dict[str, str]:
    """``base`` and ``quote`` as the exchange names them, and both in lower case."""
    assets = facts.get("assets", {})
    base, quote = (assets.get(asset, asset) for asset in pair.split("-"))
    lower = {"base_lower": base.lower(), "quote_lower": quote.lower()}
    return {"base": base, "quote": quote, **lower}


def stream_names(facts: Mapping[str, Any], pair: str) -> dict[str, str]:
    """What topics of the exchange's feeds may name: symbol, base and quote, in lower case, too.

    Raises:
        ValueError: the catalog's pattern has an unknown placeholder.
    """
    streams = facts["streams"]
    if "symbol" in streams or "assets" in streams:
        facts = {key: streams.get(key, facts.get(key, {})) for key in ("symbol", "assets")}
    symbol = native_symbol(facts, pair)
    return {"symbol": symbol, "symbol_lower": symbol.lower(), **asset_names(facts, pair)}
