-- Known exploited vulnerabilities that are open on servers
--
-- Of the catalogue of CISA (KEV); Windows and Linux.
-- Table: patch_findings
SELECT
  d.device_name,
  f.cve_id,
  f.software_vendor,
  f.software_name,
  f.software_version,
  f.due_at,
  f.state,
  f.days_overdue,
  f.fix_id,
  f.device_id
FROM patch_findings AS f
JOIN devices AS d USING (device_id)
WHERE f.in_kev AND d.is_server
ORDER BY f.days_overdue DESC NULLS LAST, d.device_name, f.cve_id
