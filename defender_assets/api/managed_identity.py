"""The token of a managed identity, which Azure assigned to this machine.

Here: asking for it once, and what a refusal means. Not here: trying again (``retry.py``), the other credentials
(``login.py``). MSAL knows where each kind of machine keeps the endpoint: IMDS of a virtual machine, App Service and
Functions, Azure Arc, Service Fabric.

https://learn.microsoft.com/en-us/entra/msal/python/advanced/managed-identity
https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling
"""

import functools
from collections.abc import Mapping
from typing import Any

from ..sanitize import redacted
from ..settings import Connection, ManagedIdentity
from .errors import LoginError

_TIMEOUT = 10.0
# By Microsoft: the endpoint is being updated (404, 410), is asked too often, or fails for a moment.
_TRANSIENT = frozenset({404, 410, 429, 500, 502, 503, 504})
_NOT_ON_AZURE = "DEFENDER_MANAGED_IDENTITY works on Azure only, on a machine or service that has an identity assigned."
_CHECK_IDENTITY = (
    "Assign the identity to this machine or service. DEFENDER_MANAGED_IDENTITY is system, or the client id of a "
    "user-assigned identity."
)
_WAIT = "Its endpoint is busy or being updated: try again in some minutes."
_CHECK_AGENT = "Its endpoint is there and silent: try again, then restart the machine, or the agent that serves it."
_JOIN_GROUP = "On Azure Arc, add the user that this runs as to the group himds, and log in anew."


def identity_token(connection: Connection) -> Mapping[str, Any]:
    """What MSAL got: ``access_token`` and ``expires_in``. Raises LoginError."""
    identity = connection.credential
    assert isinstance(identity, ManagedIdentity)
    import msal
    import requests

    statuses: list[int] = []
    answer: Mapping[str, Any] = {}
    failure: LoginError | None = None
    # MSAL needs requests here. The metadata endpoint is on the machine itself, never behind a proxy.
    with requests.Session() as session:
        session.trust_env = False
        session.request = functools.partial(session.request, timeout=_TIMEOUT)  # type: ignore[method-assign]
        session.hooks["response"] = lambda response, *_, **__: statuses.append(response.status_code)
        client = msal.ManagedIdentityClient(
            msal.UserAssignedManagedIdentity(client_id=identity.client_id)
            if identity.client_id
            else msal.SystemAssignedManagedIdentity(),
            http_client=session,
        )
        try:
            answer = client.acquire_token_for_client(resource=connection.scope.removesuffix("/.default"))
        except requests.ReadTimeout:
            failure = _no_answer_in_time()
        except requests.ConnectionError:
            failure = LoginError("No managed identity answered", reason="unreachable", remedy=_NOT_ON_AZURE)
            failure.connected = False
        except msal.ManagedIdentityError as error:
            answer = {"error_description": str(error)}
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, requests.RequestException) as error:
            answer = {"error_description": f"what came is no token ({type(error).__name__})"}
        except OSError as error:  # on Azure Arc, where proof is asked of being allowed to read a file
            failure = LoginError(
                f"The managed identity gave no token: its key file cannot be read ({error.strerror})",
                remedy=_JOIN_GROUP,
            )
    if "access_token" in answer:
        return answer
    raise failure or _refusal(statuses[-1] if statuses else None, answer)


def _no_answer_in_time() -> LoginError:
    failure = LoginError(
        "The managed identity did not answer in time", reason="unreachable", remedy=_CHECK_AGENT, retryable=True
    )
    failure.silent = True
    return failure


def _refusal(status: int | None, answer: Mapping[str, Any]) -> LoginError:
    """``status`` of the last response, None where none was asked for; ``answer`` as MSAL understood it."""
    if status in _TRANSIENT:
        return LoginError(f"The managed identity answered {status}", remedy=_WAIT, status=status, retryable=True)
    described = answer.get("error_description") or answer.get("error")
    quotation = redacted(described) if isinstance(described, str) else "no reason given"
    answered = f" ({status})" if status else ""
    return LoginError(
        f"The managed identity gave no token{answered}: {quotation}", remedy=_CHECK_IDENTITY, status=status
    )
