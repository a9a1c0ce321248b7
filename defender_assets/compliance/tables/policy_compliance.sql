-- policy_compliance: which of the security settings that apply to a device are met.
--
-- Reads: secure_configuration, device_identity, policy_settings, policy_required_controls.

WITH
-- Numbers in place of long names: tens of millions of pairs are grouped below. A device whose system is not known has ''.
devices AS (
  SELECT
    device_id,
    coalesce(lower(trim(os_platform)), '') AS os_platform,
    row_number() OVER (ORDER BY device_id) AS device
  FROM device_identity
),
named_controls AS (
  SELECT
    c.configuration_id,
    r.configuration_id AS required_id,
    row_number() OVER (ORDER BY c.configuration_id) AS control
  FROM (SELECT DISTINCT configuration_id FROM secure_configuration WHERE configuration_id IS NOT NULL) AS c
  LEFT JOIN policy_required_controls AS r ON r.configuration_id = lower(c.configuration_id)
),
-- One row per device and control; rows repeated for several device groups are one, met only if all of them say so.
-- Where nothing says whether a control applies, it counts neither as one that does nor as one that does not.
controls AS (
  SELECT
    d.device,
    n.control,
    bool_or(s.is_applicable) AS is_applicable,
    bool_and(coalesce(s.is_compliant, FALSE)) AS is_compliant,
    -- What is no weight (below zero, endless, no number) is not known. In millionths: the sum of whole numbers is the
    -- same in whatever order they are added, and so is whether it reaches the minimum.
    max(
      CASE
        WHEN s.configuration_impact >= 0 AND s.configuration_impact < 1000000
          THEN CAST(round(s.configuration_impact * 1000000) AS BIGINT)
      END
    ) AS impact
  FROM secure_configuration AS s
  INNER JOIN devices AS d ON d.device_id = s.device_id
  INNER JOIN named_controls AS n ON n.configuration_id = s.configuration_id
  GROUP BY d.device, n.control
),
counted AS (
  SELECT
    device,
    count(*) FILTER (WHERE is_applicable) AS controls_applicable,
    count(*) FILTER (WHERE is_applicable AND is_compliant) AS controls_compliant,
    CAST(sum(CASE WHEN is_compliant THEN coalesce(impact, 0) ELSE 0 END) FILTER (WHERE is_applicable) AS DOUBLE)
      / nullif(sum(coalesce(impact, 0)) FILTER (WHERE is_applicable), 0) AS weighted_score,
    -- The score if every control that may apply did, and was not met.
    CAST(sum(CASE WHEN is_applicable AND is_compliant THEN coalesce(impact, 0) ELSE 0 END) AS DOUBLE)
      / nullif(sum(coalesce(impact, 0)) FILTER (WHERE coalesce(is_applicable, TRUE)), 0) AS lowest_score,
    -- What such a control weighs is not always told.
    count(*) FILTER (
      WHERE impact IS NULL AND coalesce(is_applicable, TRUE) AND NOT (coalesce(is_applicable, FALSE) AND is_compliant)
    ) AS unweighed
  FROM controls
  GROUP BY device
),
-- Apart from the numbers: lists cannot go to disk, and most controls are met.
failed AS (
  SELECT
    c.device,
    list_sort(list(n.configuration_id)) AS control_ids,
    list_sort(list(n.configuration_id) FILTER (WHERE n.required_id IS NOT NULL)) AS required_control_ids,
    count(n.required_id) AS required
  FROM controls AS c
  INNER JOIN named_controls AS n ON n.control = c.control
  WHERE c.is_applicable AND NOT c.is_compliant
  GROUP BY c.device
),
-- A required control is asked of the operating systems that have it: those of which any device has a row of it. A device
-- without such a row, or with one that does not say whether it applies, is not known to meet it. A device whose system is
-- not known may have any.
assessed AS (
  SELECT c.device, d.os_platform, n.required_id AS configuration_id, bool_or(c.is_applicable) AS is_applicable
  FROM controls AS c
  INNER JOIN named_controls AS n ON n.control = c.control AND n.required_id IS NOT NULL
  INNER JOIN devices AS d ON d.device = c.device
  GROUP BY c.device, d.os_platform, n.required_id
),
required AS (
  SELECT os_platform, configuration_id FROM assessed
  UNION
  SELECT '' AS os_platform, configuration_id FROM assessed
),
unknown AS (
  SELECT d.device, list_sort(list(r.configuration_id)) AS control_ids
  FROM devices AS d
  INNER JOIN required AS r ON r.os_platform = d.os_platform
  LEFT JOIN assessed AS a ON a.device = d.device AND a.configuration_id = r.configuration_id
  WHERE a.is_applicable IS NULL
  GROUP BY d.device
),
judged AS (
  SELECT
    d.device_id,
    d.population,
    d.as_of,
    p.policy,
    coalesce(c.controls_applicable, 0) AS controls_applicable,
    coalesce(c.controls_compliant, 0) AS controls_compliant,
    coalesce(f.control_ids, []) AS failed_control_ids,
    coalesce(f.required_control_ids, []) AS failed_required_control_ids,
    coalesce(u.control_ids, []) AS unknown_required_control_ids,
    c.weighted_score,
    d.population = 'eligible' AND coalesce(f.required, 0) > 0 AS is_failing,
    d.population = 'eligible' AND coalesce(c.weighted_score < p.minimum_score, FALSE) AS is_under,
    -- No control applies, or none was assessed: nothing to judge.
    d.population = 'eligible' AND coalesce(c.controls_applicable, 0) = 0 AS has_none,
    d.population = 'eligible' AND u.device IS NOT NULL AS has_unknown,
    d.population = 'eligible' AND coalesce(c.controls_applicable, 0) > 0 AND p.minimum_score IS NOT NULL
      AND (c.unweighed > 0 OR coalesce(c.lowest_score < p.minimum_score, TRUE)) AS may_be_under
  FROM device_identity AS d
  CROSS JOIN policy_settings AS p
  INNER JOIN devices AS n ON n.device_id = d.device_id
  LEFT JOIN counted AS c ON c.device = n.device
  LEFT JOIN failed AS f ON f.device = n.device
  LEFT JOIN unknown AS u ON u.device = n.device
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
