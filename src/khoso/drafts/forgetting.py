"""What of drafts is kept only for a while."""

from datetime import timedelta

from khoso.drafts import store
from khoso.forgetting import Kind

FORGOTTEN_AFTER = timedelta(days=180)
"""How long it is kept what an ended draft asked for.

People may complain within 90 days of the day on which they learned of a decision (Law 02/2011/QH13, article 9). When
that was is written nowhere here: so as long again.
"""

KINDS = (Kind("draft", store.forget_requests, FORGOTTEN_AFTER),)
