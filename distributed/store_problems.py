"""What an object store refuses, or its library, as one line: the words of `src/lab/distributed/store-problems.ts`."""

import socket

from problem import MoatError

# by the store's own code, or the name of what was raised
_PROBLEMS = {
    "NoCredentialsError": (
        "store-no-credentials",
        "the worker has no keys for it",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where Ray starts.",
    ),
    "PartialCredentialsError": (
        "store-no-credentials",
        "the worker has only half of a key",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where Ray starts.",
    ),
    "InvalidAccessKeyId": ("store-wrong-key", "the worker's key is not known there", "Look at AWS_ACCESS_KEY_ID."),
    "SignatureDoesNotMatch": (
        "store-wrong-key",
        "the worker's secret does not belong to its key",
        "Look at AWS_SECRET_ACCESS_KEY.",
    ),
    "InvalidToken": ("store-wrong-key", "the worker's session token is not valid", "Look at AWS_SESSION_TOKEN."),
    "ExpiredToken": ("store-wrong-key", "the worker's session token has expired", "Renew AWS_SESSION_TOKEN."),
    "NoSuchBucket": ("store-no-bucket", "there is no such bucket", "Make it first, or correct --storage."),
    "AccessDenied": (
        "store-forbidden",
        "the worker's key may not do this",
        "Allow it to list, read, write and delete below --storage.",
    ),
    "RequestTimeTooSkewed": ("store-clock", "the worker's clock is too far off", "Set its clock (NTP)."),
}
# what may pass: the store, or the way to it, has a bad minute
_UNREACHABLE = {
    "EndpointConnectionError",
    "ConnectionError",
    "ConnectionClosedError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "HTTPClientError",
    "ServerDisconnectedError",
    "ClientConnectorError",
    "TimeoutError",
    "InternalError",
    "ServiceUnavailable",
    "SlowDown",
    "503",
    "500",
}
# a HEAD has no body that would say why
_STATUS = {"403": "AccessDenied", "Forbidden": "AccessDenied", "Access Denied": "AccessDenied"}


def _code(error: BaseException) -> str:
    """Of the store's answer, which libraries keep as the cause of a system error."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            code = response.get("Error", {}).get("Code", "")
            return _STATUS.get(code, code)
    return type(error).__name__


def may_pass(error: BaseException) -> bool:
    return _code(error) in _UNREACHABLE


def explained_store(location: str, error: BaseException) -> MoatError:
    code, host = _code(error), socket.gethostname()
    said = (str(error).splitlines() or [code])[-1]
    if code in _UNREACHABLE:
        fix = "Look at AWS_ENDPOINT_URL where Ray starts; what is saved is whole: go on with --resume."
        return MoatError("store-unreachable", f"{location}: {host} cannot reach it: {said}", fix)
    if code not in _PROBLEMS:
        return MoatError("store-refused", f"{location}: {host}: {said}", "Look at the store, then go on with --resume.")
    name, what, fix = _PROBLEMS[code]
    return MoatError(name, f"{location}: {what} (on {host})", fix)
