"""What may leave the house: an allow-list, aliases for names of ours, a net for secrets. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

LABELS = frozenset(
    {
        *("alertname", "severity", "area", "exchange", "endpoint", "pair", "reason", "kind"),
        *("check", "limit", "signal", "slo", "window", "quantile", "side", "code", "category"),
        *("direction", "season", "connection"),
        *("account", "instance"),  # as aliases
    }
)
"""Labels of alerts and samples that a provider gets to see; all others stay here."""

ANNOTATIONS = ("summary", "description")
"""Annotations of alerts that a provider gets to see."""

ALIASED = ("account", "instance")
"""Labels whose values are names of ours: a provider sees ``account-1`` in their place."""

MAX_TEXT = 400

_PATTERNS = (
    ("key", re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL)),
    ("token", re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}\.?[\w-]*")),  # a JSON Web Token
    ("token", re.compile(r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]{8,}")),
    (
        "secret",
        re.compile(
            r"(?i)\b(?:api[_-]?key|secret|passw(?:or)?d|passphrase|token|signature|sign)"
            r"[\"']?\s*[=:]\s*[\"']?[^\s\"',;&]+"
        ),
    ),
    ("url", re.compile(r"(?i)\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+")),
    ("e-mail", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("address", re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b")),
    (
        "address",
        re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?:%\w+)?(?![\w:])"),
    ),
    ("key", re.compile(r"\b(?:sk|pk|ghp|gho|xox[abp]|AKIA)[-_]?[A-Za-z0-9_-]{12,}")),
    (
        "key",
        re.compile(r"\b(?=[A-Za-z0-9+_-]*\d)(?=[A-Za-z0-9+_-]*[A-Za-z])[A-Za-z0-9+_-]{24,}=*"),
    ),
)


def clean(text: str, longest: int = MAX_TEXT) -> str:
    """One line without control, zero-width and bidirectional characters, cut to ``longest``."""
    folded = unicodedata.normalize("NFKC", text[: 8 * longest])
    visible = "".join(_visible(char) for char in folded)
    line = " ".join(visible.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " "
    return "" if category[0] == "C" else char


def mask(text: str) -> str:
    """Replace what looks like a key, a token, a URL, an e-mail or an IP address by its kind."""
    for kind, pattern in _PATTERNS:
        text = pattern.sub(f"[{kind}]", text)
    return text


class Aliases:
    """Names of ours and what a provider sees instead, both ways; one set for each incident.

    Numbered in the order of the names, so the same evidence always looks the same; unlike a hash
    of a short name, a number cannot be guessed back.
    """

    def __init__(self, labels: Iterable[Mapping[str, str]]) -> None:
        names = {(kind, each[kind]) for each in labels for kind in ALIASED if each.get(kind)}
        counts = dict.fromkeys(ALIASED, 0)
        self._alias: dict[str, str] = {}
        for kind, name in sorted(names):
            counts[kind] += 1
            self._alias.setdefault(name, f"{kind}-{counts[kind]}")
        self._hide = _any_of(self._alias)
        self._name = {alias: name for name, alias in self._alias.items()}
        self._show = _any_of(self._name)

    def hide(self, text: str) -> str:
        """A text in which our names are aliases."""
        return self._hide.sub(lambda found: self._alias[found[0]], text) if self._alias else text

    def show(self, text: str) -> str:
        """A text in which aliases are our names again."""
        return self._show.sub(lambda found: self._name[found[0]], text) if self._name else text


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")


class Redaction:
    """Makes texts and labels fit to leave, for one incident. Most labels come many times."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        self._known: dict[tuple[str, int], str] = {}

    def text(self, text: str, longest: int = MAX_TEXT) -> str:
        """A free text: our names hidden, secrets masked, then made one clean line.

        Cleaned before it is searched, too, lest an invisible character hide a secret.
        """
        key = (text, longest)
        if key not in self._known:
            masked = mask(self._aliases.hide(clean(text, 4 * longest)))
            self._known[key] = clean(masked, longest)
        return self._known[key]

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels that may leave."""
        return {name: self.text(labels[name], 80) for name in sorted(LABELS & labels.keys())}

    def show(self, text: str) -> str:
        """Our names again, in what a provider answered."""
        return self._aliases.show(text)
