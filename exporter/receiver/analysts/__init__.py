"""Who can analyse an incident: name → how to make one. ``deterministic`` needs no network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import aiohttp

from exporter.receiver.analysts.deterministic import Deterministic
from exporter.receiver.analysts.openai import OpenAI
from exporter.receiver.budget import Charge
from exporter.receiver.model import Analyst
from exporter.receiver.recorder import Recorder
from exporter.receiver.settings import Settings

Make = Callable[[Settings, aiohttp.ClientSession, Recorder, Iterable[Charge]], Analyst]


def _deterministic(
    _: Settings, __: aiohttp.ClientSession, ___: Recorder, ____: Iterable[Charge]
) -> Analyst:
    return Deterministic()


ANALYSTS: Mapping[str, Make] = {"deterministic": _deterministic, "openai": OpenAI}
