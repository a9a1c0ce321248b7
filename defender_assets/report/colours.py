"""The report's colours: each meaning has one colour, on every plot and in the tables.

Here: meaning to colour. Not here: what is drawn in them (``plots.py``).

Neighbouring colours differ in lightness too, for pages printed in grey and for readers who cannot distinguish red from
green.
"""

INK, QUIET, RULE, ACCENT = "#1b2733", "#5b6875", "#d5dbe1", "#1f5a8c"

VERDICT = {"compliant": "#2e7d5b", "noncompliant": "#b23a2e", "unknown": "#c3cbd3"}
SEVERITY = {"critical": "#6d1a12", "high": "#b23a2e", "medium": "#e08a3c", "low": "#f0cf8e", "other": "#a9b4bf"}
AGENT = {"current": "#2e7d5b", "behind": "#e6b04c", "unsupported": "#b23a2e", "unknown": "#c3cbd3"}
FRESHNESS = {"up to date": "#2e7d5b", "out of date": "#b23a2e", "unknown": "#c3cbd3"}
SHARES = {"Patches": "#1f5a8c", "Agents": "#2e7d5b", "Configuration": "#c9792b"}
REACH = {"exposed": "#9fc0dd", "overdue": "#b23a2e"}
FIXING = {"median days to fix": "#1f5a8c"}
