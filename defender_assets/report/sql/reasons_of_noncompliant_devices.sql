-- Why are devices not compliant? The reasons of some of them: those to patch first, and those whose patches are in order.
--
-- Reads: device_identity, patch_compliance, verdict_reasons. total: the noncompliant devices there are, however many are told.

WITH
noncompliant AS (
  SELECT DISTINCT device_id FROM verdict_reasons WHERE verdict = 'noncompliant'
),
ranked AS (
  SELECT
    d.device_id,
    d.device_name,
    d.rbac_group_name AS group_name,
    p.verdict = 'noncompliant' AS lacks_patches,
    row_number() OVER (
      PARTITION BY CASE WHEN p.verdict = 'noncompliant' THEN 1 ELSE 0 END
      ORDER BY
        p.overdue_critical DESC NULLS LAST,
        p.overdue_findings DESC NULLS LAST,
        p.oldest_overdue_days DESC NULLS LAST,
        d.device_id
    ) AS place,
    count(*) OVER () AS total
  FROM noncompliant AS n
  INNER JOIN device_identity AS d ON d.device_id = n.device_id
  INNER JOIN patch_compliance AS p ON p.device_id = n.device_id
)

SELECT
  d.device_id,
  d.device_name,
  d.group_name,
  r.topic,
  r.position,
  r.verdict,
  r.sentence,
  r.setting,
  r.policy_file,
  r.policy_line,
  d.total
FROM ranked AS d
INNER JOIN verdict_reasons AS r ON r.device_id = d.device_id
WHERE (d.lacks_patches AND d.place <= 30) OR (NOT d.lacks_patches AND d.place <= 20)
ORDER BY d.lacks_patches DESC, d.place, r.topic, r.position
