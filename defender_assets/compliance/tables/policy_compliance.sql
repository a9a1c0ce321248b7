-- policy_compliance: which of the security settings that apply to a device are met.
--
-- Reads: secure_configuration, device_identity, policy_settings, policy_required_controls.

WITH
-- One row per device and control; rows repeated for several device groups are one, met only if all of them say so.
controls AS (
  SELECT
    device_id,
    configuration_id,
    bool_and(coalesce(is_compliant, FALSE)) AS is_compliant,
    max(coalesce(configuration_impact, 0)) AS impact
  FROM secure_configuration
  WHERE is_applicable AND device_id IS NOT NULL AND configuration_id IS NOT NULL
  GROUP BY device_id, configuration_id
),
counted AS (
  SELECT
    c.device_id,
    count(*) AS controls_applicable,
    count(*) FILTER (WHERE c.is_compliant) AS controls_compliant,
    list_sort(list(c.configuration_id) FILTER (WHERE NOT c.is_compliant)) AS failed_control_ids,
    list_sort(list(c.configuration_id) FILTER (WHERE NOT c.is_compliant AND r.configuration_id IS NOT NULL))
      AS failed_required_control_ids,
    count(*) FILTER (WHERE NOT c.is_compliant AND r.configuration_id IS NOT NULL) AS failed_required,
    sum(CASE WHEN c.is_compliant THEN c.impact ELSE 0 END) / nullif(sum(c.impact), 0) AS weighted_score
  FROM controls AS c
  LEFT JOIN policy_required_controls AS r ON r.configuration_id = lower(c.configuration_id)
  GROUP BY c.device_id
)

SELECT
  d.device_id,
  d.population,
  coalesce(c.controls_applicable, 0) AS controls_applicable,
  coalesce(c.controls_compliant, 0) AS controls_compliant,
  coalesce(c.failed_control_ids, []) AS failed_control_ids,
  coalesce(c.failed_required_control_ids, []) AS failed_required_control_ids,
  c.weighted_score,
  CASE
    WHEN d.population <> 'eligible' THEN 'unknown'
    -- No control applies, or none was assessed: nothing to judge.
    WHEN c.device_id IS NULL THEN 'unknown'
    WHEN c.failed_required > 0 THEN 'noncompliant'
    WHEN p.minimum_score IS NOT NULL AND c.weighted_score < p.minimum_score THEN 'noncompliant'
    ELSE 'compliant'
  END AS verdict,
  p.policy,
  d.as_of
FROM device_identity AS d
CROSS JOIN policy_settings AS p
LEFT JOIN counted AS c ON c.device_id = d.device_id
ORDER BY d.device_id
