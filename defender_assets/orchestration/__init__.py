"""When, and in what order: the only room that knows Dagster.

Here: resources, partitions, assets, checks, jobs, and what Dagster is told about them. Not here: talking to Microsoft
(``api``), decoding, storing, judging; those are plain Python and work without Dagster.
"""
