"""A service that costs a client next to nothing to be measured against: every answer is rendered before it is asked
for, and a process of its own sends it over TLS."""
