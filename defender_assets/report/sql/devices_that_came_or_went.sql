-- Which machine records came, went, fell silent or came back since the earlier day? Those that went come first.
--
-- Reads: device_identity, devices_out_of_scope, scope_state, and former_device_identity, former_devices_out_of_scope (the
-- same of an earlier day). A record that only left the scope is not gone, and one that entered it is not new. total: the records of which one of
-- these is true, whatever the limit; of_change: those of the same change.

WITH
compared AS (
  SELECT
    coalesce(n.device_id, f.device_id) AS device_id,
    coalesce(n.device_name, f.device_name) AS device_name,
    coalesce(n.rbac_group_name, f.rbac_group_name) AS group_name,
    coalesce(n.os_platform, f.os_platform) AS os_platform,
    n.population,
    f.population AS former_population,
    coalesce(n.last_seen, f.last_seen) AS last_seen,
    CASE
      WHEN n.device_id IS NULL AND o.device_id IS NOT NULL THEN 'left the scope'
      WHEN n.device_id IS NULL AND s.lacks_devices_out_of_scope THEN 'gone or left the scope'
      WHEN n.device_id IS NULL THEN 'gone'
      WHEN f.device_id IS NULL AND w.device_id IS NOT NULL THEN 'entered the scope'
      WHEN f.device_id IS NULL AND s.lacks_former_devices_out_of_scope THEN 'new or entered the scope'
      WHEN f.device_id IS NULL THEN 'new'
      WHEN n.population = 'inactive' AND f.population <> 'inactive' THEN 'fell silent'
      WHEN n.population <> 'inactive' AND f.population = 'inactive' THEN 'came back'
    END AS change
  FROM device_identity AS n
  FULL OUTER JOIN former_device_identity AS f ON f.device_id = n.device_id
  CROSS JOIN scope_state AS s
  LEFT JOIN (SELECT DISTINCT device_id FROM devices_out_of_scope) AS o ON o.device_id = f.device_id
  LEFT JOIN (SELECT DISTINCT device_id FROM former_devices_out_of_scope) AS w ON w.device_id = n.device_id
)

SELECT
  device_id,
  device_name,
  group_name,
  os_platform,
  population,
  former_population,
  last_seen,
  change,
  count(*) OVER (PARTITION BY change) AS of_change,
  count(*) OVER () AS total
FROM compared
WHERE change IS NOT NULL
ORDER BY
  CASE change
    WHEN 'gone' THEN 0
    WHEN 'left the scope' THEN 1
    WHEN 'gone or left the scope' THEN 2
    WHEN 'fell silent' THEN 3
    WHEN 'new' THEN 4
    WHEN 'entered the scope' THEN 5
    WHEN 'new or entered the scope' THEN 6
    ELSE 7
  END,
  last_seen DESC NULLS LAST,
  device_id
LIMIT 5000
