-- Which controls do eligible devices fail, required ones first, then those that most devices fail?
--
-- Reads: policy_compliance, secure_configuration (may be empty). total: the failed controls there are, whatever the
-- limit.

WITH
judged AS (
  SELECT device_id, failed_control_ids, failed_required_control_ids
  FROM policy_compliance
  WHERE population = 'eligible'
),
failed AS (
  SELECT configuration_id, count(*) AS failed_devices
  FROM (SELECT unnest(failed_control_ids) AS configuration_id FROM judged) AS failure
  GROUP BY configuration_id
),
required AS (
  SELECT DISTINCT configuration_id
  FROM (SELECT unnest(failed_required_control_ids) AS configuration_id FROM judged) AS failure
),
applicable AS (
  SELECT
    c.configuration_id,
    count(DISTINCT c.device_id) AS applicable_devices,
    max(c.configuration_name) AS configuration_name,
    max(c.configuration_category) AS configuration_category,
    max(c.configuration_impact) AS configuration_impact
  FROM secure_configuration AS c
  INNER JOIN judged AS j ON j.device_id = c.device_id
  WHERE c.is_applicable
  GROUP BY c.configuration_id
)

SELECT
  f.configuration_id,
  a.configuration_name,
  a.configuration_category,
  a.configuration_impact,
  f.failed_devices,
  a.applicable_devices,
  r.configuration_id IS NOT NULL AS is_required,
  count(*) OVER () AS total
FROM failed AS f
LEFT JOIN required AS r ON r.configuration_id = f.configuration_id
LEFT JOIN applicable AS a ON a.configuration_id = f.configuration_id
ORDER BY is_required DESC, f.failed_devices DESC, f.configuration_id
LIMIT 20000
