"""The simulated service on the wire: login, API, storage, feeds and control over real TLS.

Here: HTTP and what goes wrong with it. Not here: the data (``tenant/``).
"""
