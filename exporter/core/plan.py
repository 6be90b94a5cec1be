"""The compiled, immutable description of everything that will be probed.

``exporter.config.plan`` builds a Plan from the configuration and the catalog. All path expressions,
URLs, durations and schemas are compiled there, once; nothing in here parses text per probe.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exporter.core.model import Reason, Target

if TYPE_CHECKING:
    from exporter.core.stream_plan import StreamPlan

Expression = Callable[[Any], Any]
"""A compiled JMESPath expression: document in, value or None out."""

PayloadError = Callable[[Any], str | None]
"""A compiled JSON Schema: document in, first problem as text (or None) out."""


class Scope(enum.StrEnum):
    """The tier of a published limit: what the provider counts by."""

    IP = "ip"
    EXCHANGE = "exchange"
    ENDPOINT = "endpoint"
    ACCOUNT = "account"


class Meaning(enum.StrEnum):
    """What a provider's error code means. The closed vocabulary of the catalog."""

    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    AUTH = "auth"
    MAINTENANCE = "maintenance"
    CLOCK = "clock"
    BAD_SYMBOL = "bad_symbol"
    SERVER = "server"
    HTTP = "http"
    OTHER = "other"

    @property
    def reason(self) -> Reason:
        return _REASONS[self]


_REASONS = {
    Meaning.RATE_LIMITED: Reason.RATE_LIMITED,
    Meaning.BANNED: Reason.BANNED,
    Meaning.AUTH: Reason.AUTH,
    Meaning.MAINTENANCE: Reason.MAINTENANCE,
    Meaning.CLOCK: Reason.AUTH,
    Meaning.BAD_SYMBOL: Reason.API_ERROR,
    Meaning.SERVER: Reason.API_ERROR,
    Meaning.HTTP: Reason.HTTP_ERROR,
    Meaning.OTHER: Reason.API_ERROR,
}


@dataclass(frozen=True, slots=True)
class UsageHeaders:
    """Response headers in which a provider reports the use of one limit (names in lower case).

    ``reset`` holds the time at which the window ends; ``reset_unit`` says in what unit and whether
    it counts from the epoch (``s``, ``ms``) or from now (``in_s``, ``in_ms``).
    """

    used: str | None = None
    remaining: str | None = None
    limit: str | None = None
    reset: str | None = None
    reset_unit: str = "s"


@dataclass(frozen=True, slots=True)
class Limit:
    """One published limit as one bucket: ``capacity`` units in any ``window`` seconds.

    ``key`` names the bucket (unique in the plan); ``name`` is the value of the label ``limit``.
    ``share`` is the part of it that this exporter may spend, in (0, 1].
    """

    key: str
    exchange: str
    name: str
    scope: Scope
    capacity: float
    window: float
    share: float
    headers: UsageHeaders = UsageHeaders()


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, ready to send. ``headers`` carry no Host and no Accept-Encoding.

    Headers named in ``credentials`` (lower case) are dropped when a redirect leaves the host.
    ``max_body`` bounds the body in bytes, on the wire and after decompression alike.
    """

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    credentials: frozenset[str] = frozenset()
    body: bytes = b""
    cold: bool = False
    redirects: int = 0
    max_body: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Route:
    """How to reach a host: the same for all targets of an exchange.

    ``ip_protocol`` is ``ip4`` or ``ip6`` (preferred, the other as fallback), or ``ip4_only`` /
    ``ip6_only``. ``keepalive`` is the longest idle time in seconds after which a connection is
    still used again. ``proxy_authorization`` is the value of Proxy-Authorization.
    """

    ip_protocol: str = "ip4"
    keepalive: float = 50.0
    proxy_url: str = ""
    proxy_authorization: str = field(default="", repr=False)
    ca_file: str = ""
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class CodeRule:
    """Reads one error code or text: exact, or by prefix (``EGeneral:*``; ``*`` is any).

    ``scope`` says what to keep away from when the meaning is rate_limited or banned; ``backoff`` is
    the wait in seconds when the answer names none.
    """

    match: Callable[[str], bool]
    meaning: Meaning
    scope: Scope = Scope.EXCHANGE
    backoff: float | None = None


@dataclass(frozen=True, slots=True)
class StatusRule:
    """What an HTTP status means when the body does not say it better."""

    meaning: Meaning
    scope: Scope = Scope.EXCHANGE
    backoff: float | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a provider wraps its answers, and what its codes say.

    ``ok`` is true of a successful body. ``code`` and ``message`` find the error in a failed one;
    ``code`` may yield a list (Kraken), of which the first match wins. ``until`` finds the end of a
    block, in unix seconds, in an error text. ``default_backoff`` (seconds) is the first wait where
    nobody names one, ``max_block`` the longest that is believed.
    ``retry_after_unit`` is ``s``, or ``ms`` for a provider that sends milliseconds.
    """

    ok: Expression | None
    code: Expression | None
    message: Expression | None
    codes: tuple[CodeRule, ...] = ()
    statuses: Mapping[int, StatusRule] = field(default_factory=dict)
    until: Callable[[str], float | None] | None = None
    retry_after_unit: str = "s"
    max_block: float = 3 * 24 * 3600.0
    default_backoff: float = 30.0


NO_ENVELOPE = Envelope(None, None, None)
"""Of what has none: every answer is a success, and no error is understood."""


@dataclass(frozen=True, slots=True)
class Time:
    """Where a payload tells a time. ``convert`` yields unix seconds or None; ``resolution`` is the
    size of one unit in seconds (a time in whole seconds is up to one second old when it is read).
    """

    find: Expression
    convert: Callable[[Any], float | None]
    resolution: float


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of records in a payload, and how to read one record.

    A column is a list index or a key; None where the provider has no such column. ``newest_first``
    is the documented order. Bid and ask levels have no order of their own here: best price first.
    """

    find: Expression
    price: int | str | None = None
    size: int | str | None = None
    time: int | str | None = None
    id: int | str | None = None
    open: int | str | None = None
    high: int | str | None = None
    low: int | str | None = None
    close: int | str | None = None
    volume: int | str | None = None
    time_convert: Callable[[Any], float | None] | None = None
    newest_first: bool = False
    period: float | None = None
    gaps_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """Where the facts are in the payload of one endpoint; None for what it does not carry."""

    time: Time | None = None
    server_time: Time | None = None
    symbol: Expression | None = None
    last: Expression | None = None
    bid: Expression | None = None
    ask: Expression | None = None
    bids: Rows | None = None
    asks: Rows | None = None
    sequence: Expression | None = None
    sequence_resets: frozenset[int] = frozenset()
    trades: Rows | None = None
    klines: Rows | None = None
    maintenance: Expression | None = None


Parameters = Mapping[str, Mapping[str, float]]
"""Parameters of the checks of one target: check name → parameter name → value."""


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """Everything needed to probe one target and to judge the answer.

    ``costs`` names what one probe spends of which bucket. ``interval`` is the planned time between
    probes in seconds, after stretching to the budget; ``timeout`` bounds one attempt. ``symbol`` is
    the provider's own name of the pair, and ``aliases`` are others under which it may answer.
    ``checks`` lists the checks that apply, in order.
    """

    target: Target
    prober: str
    request: Callable[[float], Request]
    route: Route
    host: str
    symbol: str
    costs: tuple[tuple[str, float], ...]
    interval: float
    timeout: float
    envelope: Envelope
    fields: Fields
    payload_error: PayloadError | None
    checks: tuple[str, ...]
    parameters: Parameters
    category: str
    aliases: tuple[str, ...] = ()
    usage_headers: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """All targets, limits and streams of one configuration, in a stable order."""

    targets: Mapping[str, TargetPlan]
    limits: Mapping[str, Limit]
    exchanges: Mapping[str, str] = field(default_factory=dict)  # name → title
    warnings: tuple[str, ...] = ()
    streams: Mapping[str, StreamPlan] = field(default_factory=dict)
