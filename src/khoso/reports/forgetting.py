"""What of reports is kept only for a while."""

from datetime import timedelta

from khoso.forgetting import Kind
from khoso.reports import store

FORGOTTEN_AFTER = timedelta(days=365)
"""How long it is kept what an inspector wrote, scanned and photographed.

Nothing here says when a report is settled, so it counts from its coming: in most fields an administrative violation may
be fined for a year (Law 15/2012/QH13, article 6).
"""

KINDS = (Kind("mismatch_report", store.forget_reports, FORGOTTEN_AFTER),)
