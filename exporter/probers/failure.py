"""From what went wrong to why the probe failed: the one place where exceptions become reasons."""

from __future__ import annotations

import enum
import errno
import os
import socket
import ssl

from exporter.core.model import Failure, Reason


class Phase(enum.StrEnum):
    """What an attempt is busy with."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    PROCESSING = "processing"
    TRANSFER = "transfer"


class MalformedError(Exception):
    """The peer did not speak HTTP as it should."""


class TooLargeError(Exception):
    """The answer exceeds the bound set for it, on the wire or decompressed."""


class ProxyError(Exception):
    """The proxy would not open a tunnel."""


_BY_PHASE = {
    Phase.RESOLVE: Reason.DNS,
    Phase.CONNECT: Reason.CONNECT,
    Phase.TLS: Reason.TLS,
    Phase.PROCESSING: Reason.DISCONNECTED,
    Phase.TRANSFER: Reason.DISCONNECTED,
}

_BY_TYPE: tuple[tuple[type[Exception], Reason], ...] = (  # the first that matches counts
    (MalformedError, Reason.MALFORMED),
    (TooLargeError, Reason.TOO_LARGE),
    (ProxyError, Reason.CONNECT),
    (TimeoutError, Reason.TIMEOUT),
    (ssl.SSLError, Reason.TLS),
    (socket.gaierror, Reason.DNS),
    (UnicodeError, Reason.DNS),  # a host name that getaddrinfo cannot encode
)

_OUR_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})


def failure_of(error: Exception, phase: Phase, *, reused: bool = False) -> Failure:
    """Why an attempt that raised ``error`` in ``phase`` failed; never raises itself."""
    reason = _reason(error, phase)
    if reason is Reason.INTERNAL_ERROR:
        return Failure(reason, f"{phase}: {type(error).__name__}{_errno_text(error)}")
    if reason is Reason.TIMEOUT:
        return Failure(reason, f"timed out in phase {phase}")
    where = f"{phase} on a reused connection" if reused else str(phase)
    return Failure(reason, f"{where}: {_readable(error)}")


def _reason(error: Exception, phase: Phase) -> Reason:
    for kind, reason in _BY_TYPE:
        if isinstance(error, kind):
            return reason
    if not isinstance(error, OSError) or error.errno in _OUR_SHORTAGE:
        return Reason.INTERNAL_ERROR
    return _BY_PHASE[phase]


def _readable(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verification failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    return _errno_text(error).strip(": ") or str(error) or type(error).__name__


def _errno_text(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return f": {os.strerror(error.errno).lower()}"
    return ""
