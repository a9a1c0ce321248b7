-- What is every open finding of the day, those overdue for longest first?
--
-- Reads: patch_findings, device_identity, software_vulnerabilities (may be empty; names and addresses of the updates).

WITH
described AS (
  SELECT
    recommended_security_update_id AS fix_id,
    max(recommended_security_update) AS update_name,
    max(recommended_security_update_url) AS update_url
  FROM software_vulnerabilities
  WHERE recommended_security_update_id <> ''
  GROUP BY recommended_security_update_id
)

SELECT
  f.device_id,
  d.device_name,
  d.rbac_group_name AS device_group,
  d.platform_family,
  d.os_platform,
  d.population,
  f.software_vendor,
  f.software_name,
  f.software_version,
  f.cve_id,
  f.rated_severity AS severity,
  f.cvss_score,
  f.epss,
  f.in_kev,
  f.exploitability_level,
  f.state,
  f.undecided,
  f.due_at,
  f.days_overdue,
  f.first_seen_at,
  f.fix_available,
  f.fix_id AS update_id,
  u.update_name,
  u.update_url,
  f.accepted_by,
  f.decided_by
FROM patch_findings AS f
LEFT JOIN device_identity AS d ON d.device_id = f.device_id
LEFT JOIN described AS u ON u.fix_id = f.fix_id
ORDER BY
  f.days_overdue DESC NULLS LAST,
  f.device_id,
  f.software_vendor NULLS LAST,
  f.software_name NULLS LAST,
  f.software_version NULLS LAST,
  f.cve_id
