-- Which machine records came, went, fell silent or came back since the earlier day? Those that went come first.
--
-- Reads: device_identity, former_device_identity, the same table of an earlier day. total: the records of which one of
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
      WHEN n.device_id IS NULL THEN 'gone'
      WHEN f.device_id IS NULL THEN 'new'
      WHEN n.population = 'inactive' AND f.population <> 'inactive' THEN 'fell silent'
      WHEN n.population <> 'inactive' AND f.population = 'inactive' THEN 'came back'
    END AS change
  FROM device_identity AS n
  FULL OUTER JOIN former_device_identity AS f ON f.device_id = n.device_id
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
  CASE change WHEN 'gone' THEN 0 WHEN 'fell silent' THEN 1 WHEN 'new' THEN 2 ELSE 3 END,
  last_seen DESC NULLS LAST,
  device_id
LIMIT 5000
