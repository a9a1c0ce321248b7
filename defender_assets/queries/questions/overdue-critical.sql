-- Devices with most overdue critical findings
-- Table: patch_compliance
-- $top = 10: how many devices.
SELECT
  d.device_name,
  p.overdue_critical,
  p.overdue_findings,
  p.oldest_overdue_days,
  d.os_platform,
  d.rbac_group_name,
  p.device_id
FROM patch_compliance AS p
JOIN devices AS d USING (device_id)
WHERE p.overdue_critical > 0
ORDER BY p.overdue_critical DESC, p.overdue_findings DESC, d.device_name
LIMIT CAST($top AS INTEGER)
