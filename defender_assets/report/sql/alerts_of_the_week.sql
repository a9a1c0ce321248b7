-- Which alerts were created in the seven days up to the snapshot, those that are open and severe first?
--
-- Reads: alerts, fleet_summary. total: the alerts there are, whatever the limit.

WITH
told AS (
  SELECT
    a.id,
    max(a.title) AS title,
    max(lower(a.severity)) AS severity,
    max(a.status) AS status,
    max(a.category) AS category,
    max(a.detection_source) AS detection_source,
    max(a.alert_creation_time) AS created_at,
    max(a.machine_id) AS device_id,
    max(a.computer_dns_name) AS device_name,
    max(a.rbac_group_name) AS group_name
  FROM alerts AS a
  CROSS JOIN fleet_summary AS s
  WHERE a.alert_creation_time > s.as_of - INTERVAL 7 DAY AND a.alert_creation_time <= s.as_of
  GROUP BY a.id
)

SELECT
  coalesce(title, category) AS title,
  severity,
  status,
  category,
  detection_source,
  created_at,
  device_id,
  device_name,
  group_name,
  CAST(sum(CASE WHEN status = 'Resolved' THEN 0 ELSE 1 END) OVER () AS BIGINT) AS unresolved,
  count(*) OVER () AS total
FROM told
ORDER BY
  CASE WHEN status = 'Resolved' THEN 1 ELSE 0 END,
  CASE severity WHEN 'high' THEN 0 WHEN 'medium' THEN 1 WHEN 'low' THEN 2 ELSE 3 END,
  created_at DESC,
  id
LIMIT 5000
