-- Alerts per week, by severity
-- Table: alerts
-- $weeks = 12: how many weeks, the last included.
SELECT
  CAST(date_trunc('week', alert_creation_time) AS DATE) AS week_of,
  count(*) AS alerts,
  count(*) FILTER (WHERE lower(severity) = 'high') AS high,
  count(*) FILTER (WHERE lower(severity) = 'medium') AS medium,
  count(*) FILTER (WHERE lower(severity) = 'low') AS low,
  count(*) FILTER (WHERE lower(severity) = 'informational') AS informational,
  count(*) FILTER (WHERE lower(status) IS DISTINCT FROM 'resolved') AS unresolved
FROM alerts
WHERE alert_creation_time
  >= date_trunc('week', (SELECT max(alert_creation_time) FROM alerts)) - to_weeks(CAST($weeks AS INTEGER) - 1)
GROUP BY week_of
ORDER BY week_of DESC
