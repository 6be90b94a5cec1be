"""What analysts tell of their calls; the metrics of the receiver listen."""

from __future__ import annotations

from typing import Protocol


class Recorder(Protocol):
    """Takes notes. Every ``provider`` is a name of the configuration, so labels are bounded."""

    def provider(self, provider: str) -> None:
        """A provider is configured: what is counted of it begins at 0."""
        ...

    def provider_call(self, provider: str, result: str) -> None:
        """A provider was asked; ``result`` is of the closed set ``outcome.Outcome``."""
        ...

    def tokens(self, provider: str, prompt: int, completion: int) -> None:
        """A provider charged for so many tokens."""
        ...

    def cost(self, provider: str, dollars: float) -> None:
        """An answer cost so much, in US dollars."""
        ...

    def budget(self, budget: str, remaining: float) -> None:
        """So much is left of a bounded budget."""
        ...

    def breaker(self, provider: str, is_open: bool) -> None:
        """The circuit breaker of a provider is open, or closed again."""
        ...


class NoRecorder:
    """Takes none."""

    def provider(self, provider: str) -> None:
        """Forget it."""

    def provider_call(self, provider: str, result: str) -> None:
        """Forget it."""

    def tokens(self, provider: str, prompt: int, completion: int) -> None:
        """Forget it."""

    def cost(self, provider: str, dollars: float) -> None:
        """Forget it."""

    def budget(self, budget: str, remaining: float) -> None:
        """Forget it."""

    def breaker(self, provider: str, is_open: bool) -> None:
        """Forget it."""
