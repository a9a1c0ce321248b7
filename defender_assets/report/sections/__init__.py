"""What the report says, section by section: each asks the day's tables and gives frozen values.

Here: questions and answers. Not here: words for people beyond names of things (the template), drawing (``plots.py``).
"""
