"""What can become of asking a provider: the closed set of values of the label ``result``."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """All but OK end in another provider or in the deterministic analyst."""

    OK = "ok"
    # no answer
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    HTTP_ERROR = "http_error"
    AUTH = "auth"
    RATE_LIMITED = "rate_limited"
    REDIRECT = "redirect"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"  # not what the API promises
    # an answer without an analysis
    REFUSAL = "refusal"
    EMPTY = "empty"
    CUT_OFF = "cut_off"
    NO_JSON = "no_json"
    SCHEMA = "schema"
    # an analysis that is not let through
    UNSAFE = "unsafe"
    UNGROUNDED = "ungrounded"
    UNCORROBORATED = "uncorroborated"  # a cause of which the evidence shows no sign
    # not asked
    CIRCUIT_OPEN = "circuit_open"
    NO_KEY = "no_key"  # all keys are refused or told to wait
    UNSENDABLE = "unsendable"  # a key or URL that cannot be put into a request


TRANSPORT = frozenset({Outcome.UNREACHABLE, Outcome.TIMEOUT})
"""With answers of 5xx, what counts against a provider's circuit."""

CORRECTABLE = frozenset(
    {Outcome.CUT_OFF, Outcome.NO_JSON, Outcome.SCHEMA, Outcome.UNSAFE, Outcome.UNGROUNDED}
)
"""What a model may do better when it is told."""
