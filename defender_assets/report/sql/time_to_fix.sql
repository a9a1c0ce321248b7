-- What became of the findings of each severity, and how long did fixes take? From critical down, all severities last.
--
-- Reads: remediation_times.

SELECT
  severity,
  new,
  fixed,
  vanished,
  moved,
  upgraded,
  renamed,
  reopened,
  coalesce(out_of_scope, 0) AS out_of_scope,
  timed,
  mean_days,
  median_days,
  window_start_at,
  window_end_at
FROM remediation_times
ORDER BY
  CASE lower(severity)
    WHEN 'critical' THEN 0
    WHEN 'high' THEN 1
    WHEN 'medium' THEN 2
    WHEN 'low' THEN 3
    WHEN 'all' THEN 9
    ELSE 4
  END,
  severity
