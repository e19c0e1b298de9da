"""The time of day that people and calendars here mean."""

from datetime import timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh: the same all year round, since 1975."""
