"""A service that costs a client next to nothing to be measured against.

Here: every answer is rendered before it is asked for, and a process of its own sends it over TLS. Not here: a tenant
that behaves like a real one (``defender_assets/simulator``).
"""
