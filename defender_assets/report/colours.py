"""The report's colours: each meaning has one colour, on every plot and in the tables.

Here: meaning to colour, on light paper and on dark. Not here: what is drawn in them (``plots.py``), the colours of the
page's own parts (``templates/report.css``).

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

GRID, WHITE = "#e8ecf0", "white"

IN_THE_DARK = {
    INK: "#e4e9ee",
    QUIET: "#a3afba",
    RULE: "#3a444e",
    GRID: "#2a323a",
    WHITE: "#171c21",
    ACCENT: "#6fb1e6",
    "#2e7d5b": "#4bb487",
    "#b23a2e": "#e2675a",
    "#6d1a12": "#ffb4aa",
    "#e08a3c": "#b9722f",
    "#f0cf8e": "#7d6a41",
    "#a9b4bf": "#5b6570",
    "#c3cbd3": "#4d5761",
    "#e6b04c": "#c9983c",
    "#c9792b": "#e09a52",
    "#9fc0dd": "#33587a",
}
"""Colour of a plot -> what stands for it on dark paper: what is darkest in the light is lightest in the dark, so that
the worst stands out in both."""
