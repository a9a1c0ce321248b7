"""One message for each failed run: when it is sent, how it is worded, and where it is posted.

Here: messages to people. Not here: what failed (``refresh/``).
"""
