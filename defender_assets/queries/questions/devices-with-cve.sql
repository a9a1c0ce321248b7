-- Who has a CVE
-- Table: patch_findings
-- $cve, as in CVE-2026-90513: the CVE.
SELECT
  d.device_name,
  f.software_vendor,
  f.software_name,
  f.software_version,
  f.state,
  f.due_at,
  f.fix_id,
  d.os_platform,
  d.last_user,
  f.device_id
FROM patch_findings AS f
JOIN devices AS d USING (device_id)
WHERE f.cve_id = upper(trim($cve))
ORDER BY f.due_at NULLS LAST, d.device_name
