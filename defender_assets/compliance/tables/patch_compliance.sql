-- patch_compliance: one verdict per machine record.
--
-- Reads: device_identity, patch_findings, policy_settings.

WITH
counted AS (
  SELECT
    device_id,
    count(*) AS open_findings,
    count(*) FILTER (WHERE state = 'overdue') AS overdue_findings,
    count(*) FILTER (WHERE state = 'overdue' AND lower(severity) = 'critical') AS overdue_critical,
    count(*) FILTER (WHERE state = 'overdue' AND lower(severity) = 'high') AS overdue_high,
    count(*) FILTER (WHERE state = 'due_soon') AS due_soon_findings,
    count(*) FILTER (WHERE state = 'exempt') AS exempt_findings,
    count(*) FILTER (WHERE in_kev) AS kev_findings,
    max(days_overdue) AS oldest_overdue_days,
    min(due_at) FILTER (WHERE state IN ('on_time', 'due_soon')) AS next_due_at
  FROM patch_findings
  GROUP BY device_id
)

SELECT
  d.device_id,
  d.population,
  CASE
    WHEN d.population <> 'eligible' THEN 'unknown'
    WHEN c.overdue_findings > 0 THEN 'noncompliant'
    ELSE 'compliant'
  END AS verdict,
  coalesce(c.open_findings, 0) AS open_findings,
  coalesce(c.overdue_findings, 0) AS overdue_findings,
  coalesce(c.overdue_critical, 0) AS overdue_critical,
  coalesce(c.overdue_high, 0) AS overdue_high,
  coalesce(c.due_soon_findings, 0) AS due_soon_findings,
  coalesce(c.exempt_findings, 0) AS exempt_findings,
  coalesce(c.kev_findings, 0) AS kev_findings,
  c.oldest_overdue_days,
  c.next_due_at,
  p.policy,
  d.as_of
FROM device_identity AS d
CROSS JOIN policy_settings AS p
LEFT JOIN counted AS c ON c.device_id = d.device_id
ORDER BY d.device_id
