"""What can be told of an address without asking anybody.

Here: whether a host is this machine. Not here: which host may receive what (``api/hosts.py``).
"""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: ``localhost``, or an address of 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
