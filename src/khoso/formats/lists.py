"""What a verifier has downloaded of a city, opened and checked: its trust, its result types, its status lists.

    lists = Lists(origin, roots)
    lists.take(bundle.decode(data))        whenever newer ones are at hand
    verdict = verify(text, origin, lists.trust, lists.types, lists, now, OFFLINE)

Only the roots are believed from the start. Everything else is believed if it is signed by whom it has to be, and is
never replaced by something older: a withdrawal that was seen once stays seen.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

from . import honest_set
from .bundle import Bundle
from .claims import StatusRef
from .documents import NotBelieved, PublicKeys
from .status_list import StatusList
from .status_token import StatusToken, unseal_status
from .trust import Trust
from .trust_list import unseal_trust
from .type_list import unseal_types
from .verdict import StatusAnswer, TypeCatalogue

_NOBODY = Trust(issued_at=0, expires_at=0)


class Lists:
    """The lists of one city; a `StatusSource`.

    Before any trust list was taken, a verifier answers "cannot tell".
    """

    def __init__(self, origin: str, roots: PublicKeys) -> None:
        """`roots` are the city's root keys, which have to come by another way than the lists."""
        self._origin = origin
        self._roots = roots
        self._types_version = -1
        self._tokens: dict[int, StatusToken] = {}
        self._statuses: dict[int, StatusList] = {}
        self.trust = _NOBODY
        self.types: TypeCatalogue = {}

    @property
    def status_tokens(self) -> Mapping[int, StatusToken]:
        """The status list tokens held, by the number of their list."""
        return self._tokens

    @property
    def types_version(self) -> int:
        """The version of the type list held; -1 without one."""
        return self._types_version

    def take(self, bundle: Bundle) -> None:
        """Take over everything in a bundle; as far as it came, if one of its documents is refused.

        Raises Malformed, or NotBelieved for what another has signed, or what is older than what is held.
        """
        self.take_trust(bundle.trust)
        for data in bundle.honest_sets:
            self.take_honest_set(data)
        self.take_types(bundle.types)
        for signed in bundle.statuses:
            self.take_status(signed)

    def take_trust(self, signed: bytes) -> None:
        """Take over a trust list; what else is held stays, such as the honest sets of before."""
        trust = unseal_trust(signed, self._roots, self._origin, self.trust)
        self.trust = replace(trust, honest_sets=self.trust.honest_sets)

    def take_honest_set(self, data: bytes) -> None:
        """Take over an honest set, if the trust list names it."""
        digest = sha256(data).digest()
        if any(key.honest_digest == digest for key in self.trust.keys.values()):
            self.trust = replace(self.trust, honest_sets={**self.trust.honest_sets, digest: honest_set.decode(data)})

    def take_types(self, signed: bytes) -> None:
        """Take over a type list."""
        listed = unseal_types(signed, self.trust.publishers, self._origin)
        if listed.version < self._types_version:
            raise NotBelieved("rolled_back")
        self._types_version, self.types = listed.version, listed.types

    def take_status(self, signed: bytes) -> StatusToken:
        """Take over a status list token; answers what it says."""
        token = unseal_status(signed, self.trust.publishers, self._origin)
        held = self._tokens.get(token.list_id)
        if held is not None and (token.version, token.issued_at) < (held.version, held.issued_at):
            raise NotBelieved("rolled_back")
        self._statuses[token.list_id] = token.statuses
        self._tokens[token.list_id] = token
        return token

    def find_status(self, ref: StatusRef) -> StatusAnswer | None:
        """The status by the newest token of its list; None without one, or outside of it."""
        statuses = self._statuses.get(ref.list_id)
        if statuses is None or ref.status_index >= len(statuses):
            return None
        token = self._tokens[ref.list_id]
        return StatusAnswer(statuses[ref.status_index], token.issued_at, token.expires_at)
