"""People work on open cases: they claim, comment on and resolve them, and approve each other's resolutions.

Each step is one conditional write. A resolution holds for the version of the transaction that the person has seen:
where a webhook or a pull has changed it since, nothing is written.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from securities_transactions.domain import resolution as rules
from securities_transactions.domain.cases import MOST_COMMENTS, CaseWork, Comment, Proposal, Resolution
from securities_transactions.domain.cause import Cause
from securities_transactions.domain.errors import CaseConflict, Contended, NotAllowed, NotFound
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import EscalationReason, Transaction
from securities_transactions.domain.transitions import Escalate, Transition
from securities_transactions.storage.transactions import Transactions

_ATTEMPTS: Final = 4
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True)
class WorkOnCases:
    """The steps of a case. With `two_persons`, a second one approves a resolution before it is booked.

    Each returns the transaction after the step. It raises `NotFound` for a transaction that is not stored,
    `CaseConflict` where the case is not as the request supposes, `NotAllowed` where another person has to do it, and
    `Contended` if concurrent writers kept changing the transaction.
    """

    transactions: Transactions
    two_persons: bool
    clock: Callable[[], datetime]

    def open(self, transaction_id: str, person: str, cause: Cause, text: str) -> Transaction:
        """Open a case of a transaction that a broker's records contradict, also of a settled one."""

        def opened(stored: Transaction, now: datetime) -> Transition:
            work = CaseWork(changed_at=now, comments=(Comment(now, person, text),))
            # A case is open if it is escalated later than it was settled.
            at = now if stored.settled_at is None else max(now, stored.settled_at + _MILLISECOND)
            return Transition(outcome=Escalate(at, EscalationReason.RECORDS_DIFFER), case=work)

        return self._write(transaction_id, person, cause, opened, is_open=False)

    def claim(self, transaction_id: str, person: str, cause: Cause, *, take_over: bool = False) -> Transaction:
        """Claim a case, also from another person where `take_over` says so."""

        def claimed(stored: Transaction, now: datetime) -> Transition:
            work = _work(stored, now)
            if work.claimed_by not in (None, person) and not take_over:
                raise CaseConflict("the case is claimed by another person")
            return Transition(case=replace(work, claimed_by=person, claimed_at=now))

        return self._write(transaction_id, person, cause, claimed)

    def comment(self, transaction_id: str, person: str, cause: Cause, text: str) -> Transaction:
        """Comment on a case. The latest comments stay with it; the history has every one."""

        def commented(stored: Transaction, now: datetime) -> Transition:
            work = _work(stored, now)
            comments = (*work.comments, Comment(now, person, text))[-MOST_COMMENTS:]
            return Transition(case=replace(work, comments=comments))

        return self._write(transaction_id, person, cause, commented)

    def resolve(
        self, transaction_id: str, person: str, cause: Cause, version: int, made: Callable[[datetime], Resolution]
    ) -> Transaction:
        """Resolve a case that the person has claimed, as it was at `version`: book it, or propose it."""

        def resolved(stored: Transaction, now: datetime) -> Transition:
            work = _work(stored, now)
            if work.claimed_by != person:
                raise CaseConflict("claim the case before you resolve it")
            _check_version(stored, version)
            checked = rules.checked(stored, made(now))
            if self.two_persons:
                return Transition(case=replace(work, proposal=Proposal(checked, version)))
            return rules.resolve(stored, checked, now)

        return self._write(transaction_id, person, cause, resolved)

    def approve(self, transaction_id: str, person: str, cause: Cause, proposal_id: str) -> Transaction:
        """Approve and book the resolution that another person has proposed."""

        def approved(stored: Transaction, now: datetime) -> Transition:
            proposal = _work(stored, now).proposal
            if proposal is None or proposal.id != proposal_id:
                raise CaseConflict("this is not the resolution that is proposed now")
            if proposal.resolution.subject == person:
                raise NotAllowed("a second person has to approve a resolution")
            _check_version(stored, proposal.version)
            return rules.resolve(stored, replace(proposal.resolution, approved_by=person), now)

        return self._write(transaction_id, person, cause, approved)

    def _write(
        self,
        transaction_id: str,
        person: str,
        cause: Cause,
        decide: Callable[[Transaction, datetime], Transition],
        *,
        is_open: bool = True,
    ) -> Transaction:
        for _ in range(_ATTEMPTS):
            stored = self.transactions.get(transaction_id)
            if stored is None:
                raise NotFound("there is no such transaction")
            if stored.needs_person is not is_open:
                raise CaseConflict("the transaction needs no person" if is_open else "the case is open already")
            if stored.status == Status.FAILED:
                raise CaseConflict("the transaction failed without orders")
            if stored.user_id == person:
                raise NotAllowed("another person has to work on a case of your own")
            if self.transactions.apply(stored, replace(decide(stored, self.clock()), cause=cause)):
                break
        else:
            raise Contended(transaction_id)
        written = self.transactions.get(transaction_id)
        if written is None:
            raise NotFound("there is no such transaction")
        return written


def _work(stored: Transaction, now: datetime) -> CaseWork:
    """The work on the case so far, as it changes now."""
    return CaseWork(changed_at=now) if stored.case is None else replace(stored.case, changed_at=now)


def _check_version(stored: Transaction, version: int) -> None:
    if stored.version != version:
        raise CaseConflict("the transaction has changed since that version: read the case again")
