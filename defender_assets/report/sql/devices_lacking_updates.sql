-- Which eligible devices lack security updates, those with the most overdue ones first?
--
-- Reads: missing_updates, device_identity. total: the devices that lack one, whatever the limit.

WITH
lacking AS (
  SELECT
    device_id,
    count(*) AS updates,
    count(*) FILTER (WHERE state = 'overdue') AS overdue_updates,
    CAST(sum(cves) AS BIGINT) AS cves,
    max(
      CASE severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 END
    ) AS severity,
    max(days_overdue) AS days_overdue,
    min(due_at) AS due_at
  FROM missing_updates
  WHERE population = 'eligible'
  GROUP BY device_id
)

SELECT
  l.device_id,
  d.device_name,
  d.rbac_group_name AS group_name,
  d.os_platform,
  l.updates,
  l.overdue_updates,
  l.cves,
  CASE l.severity WHEN 4 THEN 'critical' WHEN 3 THEN 'high' WHEN 2 THEN 'medium' WHEN 1 THEN 'low' END AS severity,
  l.days_overdue,
  l.due_at,
  count(*) OVER () AS total
FROM lacking AS l
LEFT JOIN device_identity AS d ON d.device_id = l.device_id
ORDER BY l.overdue_updates DESC, l.updates DESC, l.days_overdue DESC NULLS LAST, l.device_id
LIMIT 20000
