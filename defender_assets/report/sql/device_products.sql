-- Which versions of products have open findings on each device, those with the most overdue first?
--
-- Reads: patch_findings, opened_devices (device_id). total: the versions that the device has, of which 15 are told.
-- due_at: the earliest date of a finding that counts. cves: some of the overdue CVEs, else some of the open ones.

SELECT
  f.device_id,
  concat_ws(' ', nullif(f.software_vendor, ''), nullif(f.software_name, ''), nullif(f.software_version, '')) AS product,
  f.fix_id,
  f.open_findings,
  f.overdue_findings,
  f.kev_findings,
  f.critical_findings,
  f.due_at,
  f.oldest_overdue_days,
  f.cves,
  f.total
FROM (
  SELECT
    g.device_id,
    g.software_vendor,
    g.software_name,
    g.software_version,
    g.fix_id,
    g.open_findings,
    g.overdue_findings,
    g.kev_findings,
    g.critical_findings,
    g.due_at,
    g.oldest_overdue_days,
    g.cves,
    count(*) OVER (PARTITION BY g.device_id) AS total,
    row_number() OVER (
      PARTITION BY g.device_id
      ORDER BY
        g.overdue_findings DESC,
        g.oldest_overdue_days DESC NULLS LAST,
        g.due_at NULLS LAST,
        g.open_findings DESC,
        g.software_vendor NULLS LAST,
        g.software_name NULLS LAST,
        g.software_version NULLS LAST
    ) AS place
  FROM (
    SELECT
      p.device_id,
      p.software_vendor,
      p.software_name,
      p.software_version,
      max(p.fix_id) AS fix_id,
      count(*) AS open_findings,
      count(*) FILTER (WHERE p.state = 'overdue') AS overdue_findings,
      -- Null where the KEV catalogue was absent or too old.
      CASE WHEN count(p.in_kev) = count(*) THEN count(*) FILTER (WHERE p.in_kev) END AS kev_findings,
      count(*) FILTER (WHERE lower(p.rated_severity) = 'critical') AS critical_findings,
      min(p.due_at) FILTER (WHERE p.state IN ('overdue', 'due_soon', 'on_time')) AS due_at,
      max(p.days_overdue) AS oldest_overdue_days,
      array_slice(
        coalesce(
          list_sort(list(p.cve_id) FILTER (WHERE p.state = 'overdue')),
          list_sort(list(p.cve_id))
        ),
        1, 4
      ) AS cves
    FROM patch_findings AS p
    INNER JOIN opened_devices AS o ON o.device_id = p.device_id
    GROUP BY p.device_id, p.software_vendor, p.software_name, p.software_version
  ) AS g
) AS f
WHERE f.place <= 15
ORDER BY f.device_id, f.place
