-- Findings that are exempt, accepted or without a fix
--
-- What does not count against a device, and who decided so.
-- Table: patch_findings
SELECT
  state,
  decided_by,
  accepted_by,
  count(*) AS findings,
  count(DISTINCT device_id) AS devices,
  count(DISTINCT cve_id) AS cves
FROM patch_findings
WHERE state IN ('exempt', 'accepted', 'no_fix')
GROUP BY ALL
ORDER BY findings DESC, decided_by
