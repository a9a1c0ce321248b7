-- policy_compliance: which of the security settings that apply to a device are met.
--
-- Reads: secure_configuration, device_identity, policy_settings, policy_required_controls.

WITH
-- One row per device and control; rows repeated for several device groups are one, met only if all of them say so.
-- Where nothing says whether a control applies, it counts neither as one that does nor as one that does not.
controls AS (
  SELECT
    device_id,
    configuration_id,
    bool_or(is_applicable) AS is_applicable,
    bool_and(coalesce(is_compliant, FALSE)) AS is_compliant,
    -- What is no weight (below zero, endless, no number) is not known.
    max(CASE WHEN configuration_impact >= 0 AND configuration_impact < 1000000 THEN configuration_impact END) AS impact
  FROM secure_configuration
  WHERE device_id IS NOT NULL AND configuration_id IS NOT NULL
  GROUP BY device_id, configuration_id
),
counted AS (
  SELECT
    c.device_id,
    count(*) FILTER (WHERE c.is_applicable) AS controls_applicable,
    count(*) FILTER (WHERE c.is_applicable AND c.is_compliant) AS controls_compliant,
    list_sort(list(c.configuration_id) FILTER (WHERE c.is_applicable AND NOT c.is_compliant)) AS failed_control_ids,
    list_sort(
      list(c.configuration_id) FILTER (WHERE c.is_applicable AND NOT c.is_compliant AND r.configuration_id IS NOT NULL)
    ) AS failed_required_control_ids,
    count(*) FILTER (WHERE c.is_applicable AND NOT c.is_compliant AND r.configuration_id IS NOT NULL) AS failed_required,
    sum(CASE WHEN c.is_compliant THEN coalesce(c.impact, 0) ELSE 0 END) FILTER (WHERE c.is_applicable)
      / nullif(sum(coalesce(c.impact, 0)) FILTER (WHERE c.is_applicable), 0) AS weighted_score,
    -- The score if every control that may apply did, and was not met.
    sum(CASE WHEN c.is_applicable AND c.is_compliant THEN coalesce(c.impact, 0) ELSE 0 END)
      / nullif(sum(coalesce(c.impact, 0)) FILTER (WHERE coalesce(c.is_applicable, TRUE)), 0) AS lowest_score,
    -- What such a control weighs is not always told.
    count(*) FILTER (
      WHERE c.impact IS NULL AND coalesce(c.is_applicable, TRUE) AND NOT (coalesce(c.is_applicable, FALSE) AND c.is_compliant)
    ) AS unweighed
  FROM controls AS c
  LEFT JOIN policy_required_controls AS r ON r.configuration_id = lower(c.configuration_id)
  GROUP BY c.device_id
),
-- A required control is asked of the operating systems that have it: those of which any device has a row of it. A device
-- without such a row, or with one that does not say whether it applies, is not known to meet it. A device whose system is
-- not known ('') may have any.
systems AS (
  SELECT device_id, coalesce(lower(trim(os_platform)), '') AS os_platform FROM device_identity
),
assessed AS (
  SELECT c.device_id, d.os_platform, r.configuration_id, bool_or(c.is_applicable) AS is_applicable
  FROM controls AS c
  INNER JOIN policy_required_controls AS r ON r.configuration_id = lower(c.configuration_id)
  INNER JOIN systems AS d ON d.device_id = c.device_id
  GROUP BY c.device_id, d.os_platform, r.configuration_id
),
required AS (
  SELECT os_platform, configuration_id FROM assessed
  UNION
  SELECT '' AS os_platform, configuration_id FROM assessed
),
unknown AS (
  SELECT d.device_id, list_sort(list(r.configuration_id)) AS control_ids
  FROM systems AS d
  INNER JOIN required AS r ON r.os_platform = d.os_platform
  LEFT JOIN assessed AS a ON a.device_id = d.device_id AND a.configuration_id = r.configuration_id
  WHERE a.is_applicable IS NULL
  GROUP BY d.device_id
),
judged AS (
  SELECT
    d.device_id,
    d.population,
    d.as_of,
    p.policy,
    coalesce(c.controls_applicable, 0) AS controls_applicable,
    coalesce(c.controls_compliant, 0) AS controls_compliant,
    coalesce(c.failed_control_ids, []) AS failed_control_ids,
    coalesce(c.failed_required_control_ids, []) AS failed_required_control_ids,
    coalesce(u.control_ids, []) AS unknown_required_control_ids,
    c.weighted_score,
    d.population = 'eligible' AND coalesce(c.failed_required, 0) > 0 AS is_failing,
    d.population = 'eligible' AND coalesce(c.weighted_score < p.minimum_score, FALSE) AS is_under,
    -- No control applies, or none was assessed: nothing to judge.
    d.population = 'eligible' AND coalesce(c.controls_applicable, 0) = 0 AS has_none,
    d.population = 'eligible' AND u.device_id IS NOT NULL AS has_unknown,
    d.population = 'eligible' AND coalesce(c.controls_applicable, 0) > 0 AND p.minimum_score IS NOT NULL
      AND (c.unweighed > 0 OR coalesce(c.lowest_score < p.minimum_score, TRUE)) AS may_be_under
  FROM device_identity AS d
  CROSS JOIN policy_settings AS p
  LEFT JOIN counted AS c ON c.device_id = d.device_id
  LEFT JOIN unknown AS u ON u.device_id = d.device_id
),
verdicts AS (
  SELECT
    *,
    CASE
      WHEN population <> 'eligible' THEN 'unknown'
      WHEN is_failing OR is_under THEN 'noncompliant'
      WHEN has_none OR has_unknown OR may_be_under THEN 'unknown'
      ELSE 'compliant'
    END AS verdict
  FROM judged
),
explained AS (
  SELECT device_id, list_sort(list(reason)) AS reasons
  FROM (
    SELECT device_id, concat('population_', population) AS reason FROM verdicts WHERE population <> 'eligible'
    UNION ALL
    SELECT device_id, 'required_controls_failed' AS reason FROM verdicts WHERE is_failing
    UNION ALL
    SELECT device_id, 'score_under_minimum' AS reason FROM verdicts WHERE is_under
    UNION ALL
    SELECT device_id, 'no_control_applies' AS reason FROM verdicts WHERE verdict = 'unknown' AND has_none
    UNION ALL
    SELECT device_id, 'required_controls_unknown' AS reason FROM verdicts WHERE verdict = 'unknown' AND has_unknown AND NOT has_none
    UNION ALL
    SELECT device_id, 'score_unknown' AS reason FROM verdicts WHERE verdict = 'unknown' AND may_be_under
  ) AS told
  GROUP BY device_id
)

SELECT
  v.device_id,
  v.population,
  v.controls_applicable,
  v.controls_compliant,
  v.failed_control_ids,
  v.failed_required_control_ids,
  v.unknown_required_control_ids,
  v.weighted_score,
  v.verdict,
  coalesce(e.reasons, []) AS reasons,
  v.policy,
  v.as_of
FROM verdicts AS v
LEFT JOIN explained AS e ON e.device_id = v.device_id
ORDER BY v.device_id
