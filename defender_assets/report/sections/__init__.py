"""The report's sections: each runs queries on the day's tables and returns frozen values.

Here: the types of the answers, and which query gives them. Not here: the SQL (``sql/``), sentences (``templates/``),
drawing (``plots.py``).
"""
