"""Values as Grafana writes and colours them: units, thresholds, mappings."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

TEXT = "#CCCCDC"


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as it is read: its text, and the colour of its state."""

    text: str
    color: str


def shown(value: float, defaults: Json) -> Shown:
    """A value under the defaults of a panel's fields: a mapping, else unit and thresholds."""
    if math.isnan(value) and (nothing := _nothing(defaults)):
        return nothing
    for mapping in defaults.get("mappings", ()):
        found = mapping["options"].get(f"{value:g}") if mapping["type"] == "value" else None
        if found:
            return Shown(found["text"], found["color"])
    return Shown(
        text_of(value, defaults.get("unit", "short"), defaults.get("decimals")),
        color_of(value, defaults),
    )


def nothing_shown(defaults: Json) -> Shown:
    """What a panel of numbers shows where there is no series."""
    text = str(defaults.get("noValue") or "No data")
    return _nothing(defaults) or Shown(text, color_of(-math.inf, defaults))


def _nothing(defaults: Json) -> Shown | None:
    """What is mapped to no value."""
    for mapping in defaults.get("mappings", ()):
        if mapping["type"] == "special" and mapping["options"]["match"] == "null+nan":
            result = mapping["options"]["result"]
            return Shown(result["text"], result["color"])
    return None


def color_of(value: float, defaults: Json) -> str:
    """Of the last threshold that the value reaches."""
    color = TEXT
    for step in defaults.get("thresholds", {}).get("steps", ()):
        if step["value"] is None or value >= step["value"]:
            color = step["color"]
    return TEXT if color == "text" else color


def text_of(value: float, unit: str, decimals: int | None = None) -> str:
    """As Grafana's ``valueFormats`` of this name; unknown units are appended."""
    if math.isnan(value) or math.isinf(value):
        return {"nan": "NaN", "inf": "Inf"}.get(str(value), "-Inf")
    if unit == "s":
        return _seconds(value, decimals)
    if unit == "percentunit":
        return f"{_digits(value * 100, decimals)}%"
    if unit == "currencyUSD":
        return "$" + _scaled(value, 1000.0, ("", "K", "M", "B", "T"), decimals).replace(" ", "")
    if unit == "bytes":
        return _scaled(value, 1024.0, ("B", "KiB", "MiB", "GiB", "TiB"), decimals)
    if unit == "none":
        return _digits(value, decimals)
    short = _scaled(value, 1000.0, ("", "K", "Mil", "Bil", "Tri"), decimals)
    suffix = {"short": "", "ops": " ops/s", "reqps": " req/s"}.get(unit, f" {unit}")
    if unit != "short":
        short = short.replace(" Mil", " M").replace(" Bil", " B")
    return short + suffix


_TIMES = ((60.0, 1.0, "s"), (3600.0, 60.0, "min"), (86400.0, 3600.0, "hour"),
          (604800.0, 86400.0, "day"), (math.inf, 604800.0, "week"))  # fmt: skip


def _seconds(value: float, decimals: int | None) -> str:
    size = abs(value)
    if size == 0:
        return "0 s"
    for limit, factor, name in ((1e-6, 1e9, "ns"), (1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if size < limit:
            return f"{_digits(value * factor, decimals)} {name}"
    divisor, name = next((by, name) for limit, by, name in _TIMES if size < limit)
    plural = "s" if name in ("hour", "day", "week") and size != divisor else ""
    return f"{_digits(value / divisor, decimals)} {name}{plural}"


def _scaled(value: float, base: float, names: tuple[str, ...], decimals: int | None) -> str:
    rank = 0
    while abs(value) >= base and rank < len(names) - 1:
        value, rank = value / base, rank + 1
    return f"{_digits(value, decimals)} {names[rank]}".rstrip()


def _digits(value: float, decimals: int | None) -> str:
    """Three significant digits, if not told how many decimals; no zeros at the end."""
    if decimals is not None:
        return f"{value:.{decimals}f}"
    if value == 0:
        return "0"
    places = min(max(2 - math.floor(math.log10(abs(value))), 0), 8)
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _matches(matcher: Json, name: str, kind: str) -> bool:
    """Whether an override is about a field of this name and type."""
    if matcher["id"] == "byType":
        return bool(matcher["options"] == kind)
    if matcher["id"] == "byRegexp":
        return re.search(str(matcher["options"]).strip("/"), name) is not None
    return bool(matcher["id"] == "byName" and matcher["options"] == name)


def ink(color: str) -> str:
    """Grafana's ``getTextColorForBackground``."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#202226" if (red * 299 + green * 587 + blue * 114) / 1000 > 180 else "#F7F8FA"


def properties(panel: Json, name: str, kind: str = "number") -> Json:
    """What overrides say about a field of this name and type."""
    return {
        it["id"]: it["value"]
        for override in panel["fieldConfig"].get("overrides", ())
        if _matches(override["matcher"], name, kind)
        for it in override["properties"]
    }
