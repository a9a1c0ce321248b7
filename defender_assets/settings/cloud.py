"""The clouds in which Defender for Endpoint runs: addresses of login and API, and the hosts that may receive a token.

Here: one table, and nothing that acts on it. Not here: the rules about hosts (``api/hosts.py``).

Sources: https://learn.microsoft.com/en-us/defender-endpoint/gov (authorities and hosts of the US government clouds),
https://learn.microsoft.com/en-us/defender-endpoint/api/exposed-apis-list (commercial host) and
https://learn.microsoft.com/en-us/defender-endpoint/api/run-advanced-query-sample-python (token audience).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """One cloud.

    ``scope`` is the scope of a token. ``audiences`` are the values of the token's ``aud`` claim that the service
    accepts, whatever the API host. A bearer goes to hosts below ``api_suffixes`` only; export files come from hosts
    below ``blob_suffixes`` only; the login's POST goes to hosts below ``login_suffixes`` only.
    """

    name: str
    authority_url: str
    api_url: str
    scope: str
    audiences: tuple[str, ...]
    api_suffixes: tuple[str, ...]
    blob_suffixes: tuple[str, ...]
    login_suffixes: tuple[str, ...]


# The application id of "WindowsDefenderATP", which version 2 tokens carry as their audience.
_WINDOWS_DEFENDER_ATP = "fc780465-2017-40d4-a0c5-307022471b92"

_COMMERCIAL_LOGIN = ("login.microsoftonline.com", "login.microsoft.com", "login.windows.net")
_GOVERNMENT_LOGIN = ("login.microsoftonline.us", "login.usgovcloudapi.net")
_GOVERNMENT_API = ("securitycenter.microsoft.us", "security.microsoft.us")

CLOUDS: dict[str, Cloud] = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            name="commercial",
            authority_url="https://login.microsoftonline.com",
            api_url="https://api.security.microsoft.com",
            # Not the API host's own name: some APIs answer 403 to any other audience.
            scope="https://api.securitycenter.microsoft.com/.default",
            audiences=(
                "https://api.securitycenter.microsoft.com",
                "https://api.securitycenter.windows.com",
                "https://securitycenter.onmicrosoft.com/windowsatpservice",
                _WINDOWS_DEFENDER_ATP,
            ),
            api_suffixes=("securitycenter.microsoft.com", "security.microsoft.com", "securitycenter.windows.com"),
            blob_suffixes=("blob.core.windows.net",),
            login_suffixes=_COMMERCIAL_LOGIN,
        ),
        Cloud(
            name="gcc",
            authority_url="https://login.microsoftonline.com",
            api_url="https://api-gcc.securitycenter.microsoft.us",
            # The scopes of the government clouds are not documented; that of the API host is assumed.
            scope="https://api-gcc.securitycenter.microsoft.us/.default",
            audiences=("https://api-gcc.securitycenter.microsoft.us", _WINDOWS_DEFENDER_ATP),
            api_suffixes=_GOVERNMENT_API,
            # Where this cloud keeps its export files is not documented; both are Microsoft's own storage.
            blob_suffixes=("blob.core.usgovcloudapi.net", "blob.core.windows.net"),
            login_suffixes=_COMMERCIAL_LOGIN,
        ),
        *(
            Cloud(
                name=name,
                authority_url="https://login.microsoftonline.us",
                api_url="https://api-gov.securitycenter.microsoft.us",
                scope="https://api-gov.securitycenter.microsoft.us/.default",
                audiences=("https://api-gov.securitycenter.microsoft.us", _WINDOWS_DEFENDER_ATP),
                api_suffixes=_GOVERNMENT_API,
                blob_suffixes=("blob.core.usgovcloudapi.net",),
                login_suffixes=_GOVERNMENT_LOGIN,
            )
            for name in ("gcc-high", "dod")
        ),
    )
}
"""The clouds by their name in ``DEFENDER_CLOUD``."""
