"""A message for each failed run: when it is sent (``failed_runs.py``), what it says (``message.py``), what it looks
like in Slack and Teams (``slack.py``, ``teams.py``), and how it is posted (``webhook.py``).

Here: messages to people. Not here: what can fail (``refresh/``).
"""
