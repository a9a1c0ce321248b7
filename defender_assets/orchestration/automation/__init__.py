"""What starts runs without a person: schedules, sensors, and conditions on inputs.

Here: deciding that a refresh is needed, and asking for the run. Not here: the refresh itself (``refresh/``).
"""
