-- patch_findings: findings by state, and how many rest on an assumption.
SELECT
  count(*) AS open_findings,
  count(*) FILTER (WHERE state = 'exempt') AS exempt,
  count(*) FILTER (WHERE state = 'accepted') AS accepted,
  count(*) FILTER (WHERE state = 'no_fix') AS no_fix,
  count(*) FILTER (WHERE state = 'no_due_date') AS no_due_date,
  count(*) FILTER (WHERE state = 'overdue') AS overdue,
  count(*) FILTER (WHERE state = 'due_soon') AS due_soon,
  count(*) FILTER (WHERE state = 'on_time') AS on_time,
  count(*) FILTER (WHERE undecided) AS undecided,
  count(DISTINCT cve_id) AS cves,
  count(*) FILTER (WHERE decided_by LIKE '%assumed%') AS decided_by_assumption
FROM patch_findings
