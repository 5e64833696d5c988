"""What everybody may ask an exchange: who it is, who takes part, and its transparency log.

Rule kept here: a head of the log that is taken extends the last one that was, so a client that keeps it finds out if
the log is ever rewritten.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import httpx
from cryptography import x509

from loadtests import answers
from loadtests.attempts import AnswerRefused, Attempts, Clock, Retries, Unreachable, read
from loadtests.exchange import checkpoint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.receipts import check_evidence, check_logged
from loadtests.exchange.strict import encode_base64url
from loadtests.received import ExchangeInfo, ListedAgency, Logged, SignedCheckpoint, TrustLists

_T = TypeVar("_T")
PLAIN: Final = {"Accept-Encoding": "identity"}
"""What every request says: answers are checked and counted as the bytes that they are."""


class PublicClient:
    """Asks one exchange; needs no key.

    Args:
        url: Address of the exchange, such as ``https://exchange.example``.
        http: The connections; its timeout is that of one attempt.
        clock: Time of day for signatures, a steady one for waiting.
        random: Gives so many random bytes, unpredictable ones, such as ``os.urandom``.
        exchange: Whose signatures count. None: whoever answers first at the address is believed to be it, which is as
            good as the connection that it came by.
        retries: How persistent it is.
        seen: The last head of the log that is known, if any: what comes later must extend it.

    Raises:
        Unreachable: ``url-invalid``.
    """

    def __init__(
        self,
        url: str,
        http: httpx.Client,
        *,
        clock: Clock,
        random: Callable[[int], bytes],
        exchange: Issuer | None = None,
        retries: Retries = Retries(),  # noqa: B008 - it is frozen
        seen: SignedCheckpoint | None = None,
    ) -> None:
        self.url = _checked(url)
        self.seen = seen
        self._issuer = exchange
        self._clock = clock
        self._random = random
        self._http = http
        self._attempts = Attempts(http, clock, random, retries)

    @property
    def issuer(self) -> Issuer:
        """The exchange whose signatures count; asks for it once where none was given."""
        if self._issuer is None:
            self._issuer = self.exchange().issuer
        return self._issuer

    def agencies(self) -> tuple[ListedAgency, ...]:
        """The agencies that take part; raises as ``inbox`` does."""
        return self._ask("/v1/agencies", answers.agencies)

    def exchange(self) -> ExchangeInfo:
        """What the exchange says of itself.

        Raises:
            Problem, Unreachable: As everywhere.
            AnswerRefused: ``issuer-mismatch`` too: it is another one than the client was made for.
        """
        return self._ask("/v1/exchange", self._take_exchange)

    def trust(self) -> TrustLists:
        """What the exchange judges by: for evidence bundles, never to be trusted for having come from here."""
        return self._ask("/v1/trust", answers.trust_lists)

    def certificate(self, sha256: bytes) -> x509.Certificate:
        """The certificate that a signature or a receipt names: nobody need trust it for having come from here.

        Args:
            sha256: Its thumbprint, 32 bytes.

        Raises:
            Problem, Unreachable: As everywhere; ``not-found`` where the exchange does not know it.
            AnswerRefused: ``content-digest-mismatch``: it is another one; it cannot be read.
        """
        take = partial(answers.certificate, digest=sha256)
        return self._ask(f"/v1/trust/certificates/{encode_base64url(sha256)}", take)

    def crl(self, sha256: bytes) -> bytes:
        """The revocation list that a receipt names, in DER, however old; nothing of it but the digest is checked.

        Args:
            sha256: Of its DER, 32 bytes.

        Raises:
            Problem, Unreachable: As everywhere; ``not-found`` where the exchange never had it.
            AnswerRefused: ``content-digest-mismatch``: it is another one.
        """
        return self._ask(f"/v1/trust/crls/{encode_base64url(sha256)}", partial(answers.named, digest=sha256))

    def checkpoint(self) -> SignedCheckpoint:
        """The head of the log now; it extends ``seen``, the last one, and takes its place.

        Raises:
            Problem, Unreachable: As everywhere.
            AnswerRefused: ``log-forked`` and the others of ``checkpoint.extends``: then keep both.
        """
        issuer, seen = self.issuer, self.seen
        compact = self._ask("/v1/log/checkpoint", bytes)
        try:
            head = SignedCheckpoint(compact, checkpoint.check(compact, issuer))
            if seen is not None and seen.checkpoint.size > 0:
                first, second = seen.checkpoint.size, head.checkpoint.size
                proof = self.consistency(first, second) if first < second else ()
                checkpoint.extends(seen.checkpoint, head.checkpoint, proof)
        except Refusal as refusal:
            raise AnswerRefused(refusal.code, refusal.message, refusal.hint) from None
        self.seen = head
        return head

    def inclusion(self, leaf: int, size: int) -> tuple[bytes, ...]:
        """Proof that a leaf is in the log of so many leaves, unchecked: see ``logged``."""
        return self._ask(
            f"/v1/log/inclusion?leaf={leaf}&size={size}", partial(answers.hashes, leaf=leaf, size=size)
        )

    def consistency(self, first: int, second: int) -> tuple[bytes, ...]:
        """Proof that the log of ``second`` leaves begins with that of ``first``, unchecked: see ``checkpoint``."""
        take = partial(answers.hashes, first=first, second=second)
        return self._ask(f"/v1/log/consistency?first={first}&second={second}", take)

    def logged(self, evidence_bytes: bytes) -> Logged:
        """Proof that evidence stands in the log, checked under the head of now.

        Raises:
            Problem, Unreachable: As everywhere.
            AnswerRefused: The proof does not hold; ``evidence-log-mismatch`` where the head does not cover it yet.
        """
        head = self.checkpoint()
        try:
            evidence = check_evidence(evidence_bytes, self.issuer)
            covered = evidence.log is not None and evidence.log.leaf_index < head.checkpoint.size
            leaf = evidence.log.leaf_index if evidence.log else 0
            proof = self.inclusion(leaf, head.checkpoint.size) if covered else ()
            check_logged(evidence_bytes, evidence, head.checkpoint, proof)
        except Refusal as refusal:
            raise AnswerRefused(refusal.code, refusal.message, refusal.hint) from None
        return Logged(head, proof)

    def _take_exchange(self, answer: bytes) -> ExchangeInfo:
        found, pinned = answers.exchange_info(answer), self._issuer
        if pinned is not None and _identity(found.issuer) != _identity(pinned):
            raise Refusal(
                "issuer-mismatch",
                f"found {found.issuer.name!r} with another certificate or name",
                pinned.name,
            )
        return found

    def _ask(self, path: str, take: Callable[[bytes], _T]) -> _T:
        """What ``take`` makes of the answer's body."""
        return self._attempts.ask(partial(self._get, path), lambda response: take(read(response)))

    def _get(self, path: str) -> httpx.Request:
        return self._http.build_request("GET", self.url + path, headers=PLAIN)


def _identity(issuer: Issuer) -> tuple[str, bytes]:
    return issuer.name, issuer.certificate_sha256


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.query or parsed.fragment:
        hint = "http:// or https://, a host, and perhaps a port and a path"
        raise Unreachable("url-invalid", f"found {url[:100]!a}", hint)
    return url.rstrip("/")
