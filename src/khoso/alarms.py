"""Saying that something is wrong: at once, and again for as long as it is, but not every few seconds."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

REPEATED_AFTER = timedelta(minutes=10)

log = structlog.get_logger(__name__)


class Alarms:
    """The alarms of one process, each by its event, subject and reason."""

    def __init__(self, now: Callable[[], datetime], count: Callable[[str], None]) -> None:
        """`count` hears of every reason, however often."""
        self._now = now
        self._count = count
        self._told: dict[tuple[str, str, str], datetime] = {}

    def raise_alarm(self, event: str, subject: str, reason: str) -> None:
        """Count it, and log it at level error unless that was done within the last minutes."""
        self._count(reason)
        now, key = self._now(), (event, subject, reason)
        if key not in self._told or now - self._told[key] >= REPEATED_AFTER:
            self._told = {told: at for told, at in self._told.items() if now - at < REPEATED_AFTER} | {key: now}
            log.error(event, subject=subject, reason=reason)

    def settle(self, event: str, subject: str) -> None:
        """It is well again: the next time is told at once."""
        for key in [key for key in self._told if key[:2] == (event, subject)]:
            del self._told[key]
