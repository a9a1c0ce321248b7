-- How many findings on eligible devices are overdue, by age band and severity, and on how many devices?
--
-- Reads: device_identity, patch_findings. age: 0 up to 7 whole days past the due date, 1 up to 30, 2 up to 90, 3 more.
-- The row of an age without a severity is over all of them: a device may have findings of several severities.

WITH
overdue AS (
  SELECT
    f.device_id,
    CASE
      WHEN f.rated_severity IN ('critical', 'high', 'medium', 'low') THEN f.rated_severity
      ELSE 'other'
    END AS severity,
    CASE
      WHEN f.days_overdue <= 7 THEN 0
      WHEN f.days_overdue <= 30 THEN 1
      WHEN f.days_overdue <= 90 THEN 2
      ELSE 3
    END AS age
  FROM patch_findings AS f
  INNER JOIN device_identity AS d ON d.device_id = f.device_id AND d.population = 'eligible'
  WHERE f.state = 'overdue'
)

SELECT age, severity, count(*) AS findings, count(DISTINCT device_id) AS devices
FROM overdue
GROUP BY GROUPING SETS ((age, severity), (age))
ORDER BY age, severity NULLS LAST
