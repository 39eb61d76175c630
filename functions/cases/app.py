"""Open cases: GET /cases lists them, POST /cases/{transactionId} opens one; …/claim and the other steps work on it."""

import os
from functools import partial

from securities_transactions.bootstrap import Application, start
from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.transaction import Transaction
from securities_transactions.http import problems
from securities_transactions.http.case_requests import CaseApproval, CaseClaim, CaseComment, CaseResolution
from securities_transactions.http.case_views import case_of, cases_of, place_of
from securities_transactions.http.handler import Handler, http_handler
from securities_transactions.http.problems import Problem
from securities_transactions.http.request import Caller, Request
from securities_transactions.http.response import Response, cacheable
from securities_transactions.services.work_on_cases import WorkOnCases


def make_handler(application: Application) -> Handler:
    """Return a page of the open cases to operators and services, and let operators work on one."""
    settings = application.settings
    service, operators = settings.service_scope, settings.operator_scope

    def cases(request: Request) -> Response:
        request.allow(*(() if request.names("transactionId") else ("limit", "cursor")))
        caller = request.caller(service, operators)
        if not request.names("transactionId"):
            return _list(application, request, caller)
        if not caller.is_operator:
            raise Problem(problems.FORBIDDEN, "work on a case requires the operators' scope in a person's token")
        return _work(application.work_on_cases, request, caller)

    return application.deadline.bounds(http_handler(cases))


def _list(application: Application, request: Request, caller: Caller) -> Response:
    if not (caller.is_service or caller.is_operator):
        raise Problem(problems.FORBIDDEN, "open cases require the operators' scope or the service scope")
    shown = cases_of(application.read_cases.page(request.limit(), place_of(request.query("cursor"))))
    for case in shown.items:
        caller.leave_trace(case.notes)
    return cacheable(request, shown.document())


def _work(cases: WorkOnCases, request: Request, caller: Caller) -> Response:
    id_, person = request.path("transactionId"), caller.user_id
    cause = Cause(kind=CauseKind.PERSON, request_id=request.id_in_log, subject=person, client=caller.client)
    match request.step:
        case "{transactionId}":
            written = cases.open(id_, person, cause, request.parse(CaseComment).text)
        case "claim":
            written = cases.claim(id_, person, cause, take_over=request.parse(CaseClaim).takeOver)
        case "comments":
            written = cases.comment(id_, person, cause, request.parse(CaseComment).text)
        case "resolution":
            body = request.parse(CaseResolution)
            written = cases.resolve(id_, person, cause, body.version, partial(body.by, person))
        case _:
            written = cases.approve(id_, person, cause, request.parse(CaseApproval).proposalId)
    return _answer(caller, written)


def _answer(caller: Caller, written: Transaction) -> Response:
    caller.leave_trace(written.user_id)
    return Response(200, case_of(written).document())


handler = start(make_handler, os.environ)
