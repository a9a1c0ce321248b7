"""DuckDB as a tool: opening it, quoting for it, and its types beside Arrow's.

Here: what every room that uses DuckDB needs of it. Not here: any question of ours (``query/``, ``compliance/``).
"""
