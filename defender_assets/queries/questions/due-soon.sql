-- What falls due next
--
-- Findings that are not overdue yet, by product and due date.
-- Table: patch_findings
-- $days = 14: due within so many days.
SELECT
  CAST(due_at AS DATE) AS due_on,
  software_vendor,
  software_name,
  count(*) AS findings,
  count(DISTINCT device_id) AS devices,
  count(DISTINCT cve_id) AS cves
FROM patch_findings
WHERE state IN ('due_soon', 'on_time') AND due_at <= as_of + to_days(CAST($days AS INTEGER))
GROUP BY ALL
ORDER BY due_on, findings DESC, software_name
