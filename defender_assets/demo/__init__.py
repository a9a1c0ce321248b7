"""A demonstration without a tenant of one's own: a simulated tenant in a process, its past days in the lake,
and the folder that keeps them.

Here: what ``defender-assets demo`` and ``simulate`` run; it is plain Python that prints nothing. Not here: what they
print (``cli/``), the simulated tenant itself (``simulator/``).
"""
