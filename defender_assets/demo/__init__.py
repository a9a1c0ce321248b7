"""A demonstration without a tenant: a simulated one, and what it looked like on the days before today.

Here: what ``defender-assets demo`` shows. Not here: the simulated tenant itself (``simulator/``).
"""
