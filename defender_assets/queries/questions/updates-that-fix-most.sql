-- Which update fixes most
--
-- Findings that name no update are in products-that-fix-most. All open findings count, those too that are accepted or
-- exempt, which the report's list of what to do leaves out. Of a KB the service sends the digits alone.
-- Table: missing_updates
-- $top = 20: how many updates.
SELECT
  update_id,
  any_value(update_name) AS update_name,
  sum(open_findings) AS findings,
  sum(overdue_findings) AS overdue_findings,
  count(DISTINCT device_id) AS devices,
  max(cves) AS cves,
  max(kev_cves) AS kev_cves,
  max(days_overdue) AS days_overdue
FROM missing_updates
GROUP BY update_id
ORDER BY findings DESC, update_id
LIMIT CAST($top AS INTEGER)
