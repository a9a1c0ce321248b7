-- Patch compliance by device group, day by day
--
-- compliant_pct is the share of the devices that are judged; those of unknown verdict count against it.
-- Table: patch_compliance
-- $days = 30: how many days before the newest snapshot.
SELECT
  p.snapshot_date,
  coalesce(i.rbac_group_name, '(no group)') AS device_group,
  count(*) AS devices,
  count(*) FILTER (WHERE p.verdict = 'compliant') AS compliant,
  100 * count(*) FILTER (WHERE p.verdict = 'compliant') / count(*) AS compliant_pct,
  sum(p.overdue_findings) AS overdue_findings
FROM patch_compliance_history AS p
JOIN device_identity_history AS i USING (tenant, snapshot_date, device_id)
WHERE p.population = 'eligible'
  AND p.snapshot_date
    > (SELECT max(snapshot_date) FROM patch_compliance_history) - to_days(CAST($days AS INTEGER))
GROUP BY ALL
ORDER BY device_group, p.snapshot_date DESC
