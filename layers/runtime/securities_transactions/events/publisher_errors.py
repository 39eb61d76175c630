"""PutEvents error codes: caused by one entry, or shared by all entries.

EventBridge documents its codes in the API reference of `PutEventsResultEntry`. A bus with a customer managed key can
also return KMS's codes.
"""

from typing import Final, Literal

Cause = Literal["entry", "bus", "unknown"]

_OF_ENTRY: Final = frozenset({"MalformedDetail", "RedactionFailure"})

# Caused by the entry itself, or by a fault that all entries share, such as the bus's name: the code does not
# distinguish. A retry of the same request gets the same response.
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
        # overload, timeouts, or a temporary failure
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
    """The cause of `code`: the entry, the bus, or unknown until it is compared with other entries."""
    if code in _OF_ENTRY:
        return "entry"
    return "bus" if code in _OF_BUS or code.startswith(_OF_BUS_BEGIN) else "unknown"
