-- Which controls does each device fail, required ones first?
--
-- Reads: policy_compliance, secure_configuration (may be empty), opened_devices (device_id). total: the controls that the
-- device fails, of which 20 are told.

WITH
failed AS (
  SELECT p.device_id, unnest(p.failed_control_ids) AS configuration_id
  FROM policy_compliance AS p
  INNER JOIN opened_devices AS o ON o.device_id = p.device_id
),
required AS (
  SELECT DISTINCT p.device_id, unnest(p.failed_required_control_ids) AS configuration_id
  FROM policy_compliance AS p
  INNER JOIN opened_devices AS o ON o.device_id = p.device_id
),
controls AS (
  SELECT
    configuration_id,
    max(configuration_name) AS configuration_name,
    max(configuration_category) AS configuration_category,
    max(configuration_impact) AS configuration_impact
  FROM secure_configuration
  GROUP BY configuration_id
)

SELECT
  c.device_id,
  c.configuration_id,
  c.configuration_name,
  c.configuration_category,
  c.configuration_impact,
  c.is_required,
  c.total
FROM (
  SELECT
    f.device_id,
    f.configuration_id,
    k.configuration_name,
    k.configuration_category,
    k.configuration_impact,
    r.configuration_id IS NOT NULL AS is_required,
    count(*) OVER (PARTITION BY f.device_id) AS total,
    row_number() OVER (
      PARTITION BY f.device_id
      ORDER BY
        CASE WHEN r.configuration_id IS NOT NULL THEN 0 ELSE 1 END,
        k.configuration_impact DESC NULLS LAST,
        f.configuration_id
    ) AS place
  FROM failed AS f
  LEFT JOIN required AS r ON r.device_id = f.device_id AND r.configuration_id = f.configuration_id
  LEFT JOIN controls AS k ON k.configuration_id = f.configuration_id
) AS c
WHERE c.place <= 20
ORDER BY c.device_id, c.place
