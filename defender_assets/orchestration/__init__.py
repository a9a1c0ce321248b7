"""Dagster: when tables are refreshed, and in what order.

Here: resources, partitions, assets, jobs, schedules, sensors and messages. Not here: refreshing a table (``refresh/``)
and everything below it, which is plain Python and works without Dagster; starting Dagster (``definitions.py``,
``serve/``, ``cli/``).
"""
