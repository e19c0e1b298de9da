"""The time of day that people and calendars here mean."""

from datetime import datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh: the same all year round, since 1975."""


def as_day(instant: datetime) -> str:
    """`23/11/2026`: the day in Vietnam, wherever this machine stands."""
    return f"{instant.astimezone(VIETNAM):%d/%m/%Y}"


def as_minute(instant: datetime) -> str:
    """`14:05 23/11/2026`: the minute in Vietnam, wherever this machine stands."""
    return f"{instant.astimezone(VIETNAM):%H:%M %d/%m/%Y}"


def hour_of(instant: datetime) -> datetime:
    """The beginning of the hour that holds the instant, in its own time zone: counts are kept by the hour."""
    return instant.replace(minute=0, second=0, microsecond=0)
