"""How long a tick may take.

Here: the time that all of its work has together. Not here: how it is shared among tenants (``all_tenants.py``).
"""

SECONDS_OF_A_TICK = 25.0
"""Dagster waits 60 seconds for a tick and throws away what it requested when it takes longer. The rest of them is for
what the results become, and for a slow disk."""
