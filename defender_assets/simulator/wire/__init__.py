"""The simulated service on the wire: login, API, storage, feeds and control over real TLS.

Here: HTTP, and its faults. Not here: the data (``tenant/``).
"""
