-- missing_updates_cover_findings: open findings, those that name an update, and whether these are counted once.
SELECT
  f.findings,
  f.naming_none,
  abs(f.findings - f.naming_none - u.findings) AS other_findings,
  abs(f.overdue - u.overdue) AS other_overdue
FROM (
  SELECT
    count(*) AS findings,
    count(*) FILTER (WHERE fix_id IS NULL OR fix_id = '') AS naming_none,
    count(*) FILTER (WHERE fix_id <> '' AND state = 'overdue') AS overdue
  FROM patch_findings
) AS f
CROSS JOIN (
  SELECT coalesce(sum(open_findings), 0) AS findings, coalesce(sum(overdue_findings), 0) AS overdue FROM missing_updates
) AS u
