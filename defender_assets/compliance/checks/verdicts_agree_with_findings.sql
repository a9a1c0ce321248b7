-- verdicts_agree_with_findings: counts and verdicts of patch_compliance against patch_findings, counted again.
WITH
counted AS (
  SELECT device_id, count(*) AS findings, sum(CASE WHEN state = 'overdue' THEN 1 ELSE 0 END) AS overdue
  FROM patch_findings
  GROUP BY device_id
)
SELECT
  count(*) AS devices,
  count(*) FILTER (
    WHERE p.open_findings <> coalesce(c.findings, 0) OR p.overdue_findings <> coalesce(c.overdue, 0)
  ) AS other_counts,
  count(*) FILTER (
    WHERE p.verdict <> CASE
      WHEN p.population <> 'eligible' THEN 'unknown'
      WHEN coalesce(c.overdue, 0) > 0 THEN 'noncompliant'
      ELSE 'compliant' END
  ) AS other_verdicts
FROM patch_compliance AS p
LEFT JOIN counted AS c ON c.device_id = p.device_id
