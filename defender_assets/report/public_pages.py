"""Public pages of vulnerabilities and updates, by their identifiers.

Here: which identifiers have a page, and its address. Not here: where links stand on the page (``templates/``).

An address is built from an identifier that has the right form, at a host that is named here. What the service sends as
an address is never linked: it may be anything.
"""

import re

PUBLIC_PAGES = (
    # NIST's National Vulnerability Database has a page for every CVE. https://nvd.nist.gov/
    (r"^(CVE-\d{4}-\d{4,19})$", "https://nvd.nist.gov/vuln/detail/"),
    # https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities: the number of a KB.
    (r"^(?:KB)?(\d{6,8})$", "https://support.microsoft.com/help/"),
    (r"^(RH[SBE]A-\d{4}:\d{4,6})$", "https://access.redhat.com/errata/"),
    (r"^(USN-\d{1,6}-\d{1,3})$", "https://ubuntu.com/security/notices/"),
    (r"^(D[SL]A-\d{1,6}-\d{1,3})$", "https://security-tracker.debian.org/tracker/"),
)
"""(pattern of an identifier, what its first group is appended to). Patterns mean the same in Python and JavaScript."""


def public_page(identifier: str) -> str | None:
    """The address of the identifier's page; None where its form is none of ours."""
    for pattern, address in PUBLIC_PAGES:
        # ASCII: JavaScript's \d has no other digits. fullmatch: Python's $ allows a line break behind it.
        if found := re.fullmatch(pattern, identifier, re.ASCII):
            return address + found.group(1)
    return None
