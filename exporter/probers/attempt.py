"""What one attempt has seen so far, and the Observation made of it at the end."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.core.model import Failure, Observation, Phases
from exporter.probers.failure import Phase
from exporter.probers.response import Answer

_NOTHING = Answer(0)


@dataclass(slots=True)
class Attempt:
    """How far one request got; a redirect starts a new attempt that goes on counting requests.

    ``setup`` is the phase of the connection set-up it is in or ended with; ``resolve``, ``connect``
    and ``tls`` are the seconds spent in those that were completed.
    """

    requests_sent: int = 0
    setup: Phase = Phase.RESOLVE
    resolve: float | None = None
    connect: float | None = None
    tls: float | None = None
    address: str = ""
    certificate_not_after: float | None = None
    reused: bool = False
    answer: Answer | None = None

    @property
    def phase(self) -> Phase:
        """What the attempt is busy with now."""
        if self.answer is None:
            return self.setup
        return Phase.TRANSFER if self.answer.first else Phase.PROCESSING

    @property
    def complete(self) -> bool:
        return self.answer is not None and self.answer.complete

    def observation(self, elapsed: float, failure: Failure | None) -> Observation:
        """The facts, ``elapsed`` seconds after the start of the whole."""
        answer = self.answer or _NOTHING
        first, last = answer.first, answer.last
        latency = last.since_send if last else None
        processing = transfer = None
        if first:
            processing = first.since_send if latency is None else min(first.since_send, latency)
            transfer = None if latency is None else latency - processing
        # Where the clock was stepped under way, what it says now counts, for both ends.
        sent_at = last.at - last.since_send if last else answer.sent_at
        by_kernel = first and last and first.clock == last.clock == "kernel"
        return Observation(
            elapsed=elapsed,
            phases=Phases(self.resolve, self.connect, self.tls, processing, transfer),
            failure=failure,
            sent_at=sent_at,
            received_at=last.at if last else None,
            latency=latency,
            status=answer.status,
            headers={} if answer.status is None else answer.headers,
            body=answer.body,
            reused=self.reused,
            clock="kernel" if by_kernel else "monotonic",
            address=self.address,
            http_version=answer.http_version,
            requests_sent=self.requests_sent,
            certificate_not_after=self.certificate_not_after,
        )
