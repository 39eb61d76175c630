"""PutEvents error codes: which belong to one entry, and which all entries share.

The codes that EventBridge documents are in the API reference of `PutEventsResultEntry`; KMS's are those that a bus with
a key of the customer's can return.
"""

from typing import Final, Literal

Cause = Literal["entry", "bus", "unknown"]

_OF_ENTRY: Final = frozenset({"MalformedDetail", "RedactionFailure"})

# An entry's own fault, or one that all entries share, such as the bus's name: the code does not say which. A retry of
# the same request gets the same answer.
DETERMINISTIC: Final = frozenset({"InvalidArgument", "ValidationException"})

_OF_BUS: Final = frozenset(
    {
        # permission and credentials
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        # the bus and its account
        "InvalidAccountIdException",
        "OperationDisabledException",
        "ResourceNotFoundException",
        # too much, too slow, or broken for now
        "ConcurrentModificationException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "TooManyRequestsException",
        "TransactionInProgressException",
        # the bus's KMS key
        "DependencyTimeoutException",
        "DisabledException",
        "InvalidGrantTokenException",
        "InvalidKeyUsageException",
        "KeyUnavailableException",
        "NotFoundException",
    }
)
_OF_BUS_BEGIN: Final = ("AccessDenied", "Internal", "KMS", "Kms", "NotAuthorized", "RequestThrottled", "Throttl")


def cause(code: str) -> Cause:
    """Whether `code` is the fault of the entry that got it, of the bus, or of one that only a comparison can tell."""
    if code in _OF_ENTRY:
        return "entry"
    return "bus" if code in _OF_BUS or code.startswith(_OF_BUS_BEGIN) else "unknown"
