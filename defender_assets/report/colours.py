"""The report's colours: one meaning, one colour, on every plot and in the tables.

Here: names of meanings to colours. Chosen so that neighbours differ in lightness too: the page is printed in grey, and
read by people who do not tell red from green. Not here: what is drawn in them (``plots.py``).
"""

INK, QUIET, RULE, ACCENT = "#1b2733", "#5b6875", "#d5dbe1", "#1f5a8c"

VERDICT = {"compliant": "#2e7d5b", "noncompliant": "#b23a2e"}
SEVERITY = {"critical": "#6d1a12", "high": "#b23a2e", "medium": "#e08a3c", "low": "#f0cf8e", "other": "#a9b4bf"}
AGENT = {"current": "#2e7d5b", "behind": "#e6b04c", "unsupported": "#b23a2e", "unknown": "#c3cbd3"}
FRESHNESS = {"up to date": "#2e7d5b", "out of date": "#b23a2e", "unknown": "#c3cbd3"}
SHARES = {"Patches": "#1f5a8c", "Agents": "#2e7d5b", "Configuration": "#c9792b"}
REACH = {"exposed": "#9fc0dd", "overdue": "#b23a2e"}
FIXING = {"median days to fix": "#1f5a8c"}
