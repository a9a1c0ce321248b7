-- How many days a fix takes, by severity
--
-- Over the days of changes that the lake has, from first_day to last_day.
-- Table: remediation_times
SELECT
  severity,
  timed AS fixes_timed,
  mean_days,
  median_days,
  fixed,
  vanished,
  moved,
  (SELECT CAST(min(event_timestamp) AS DATE) FROM software_vulnerability_changes) AS first_day,
  (SELECT CAST(max(event_timestamp) AS DATE) FROM software_vulnerability_changes) AS last_day
FROM remediation_times
ORDER BY array_position(['critical', 'high', 'medium', 'low'], lower(severity)) NULLS LAST, severity
