-- missing_updates: which security updates each device lacks, what they would fix, and what of that is overdue.
--
-- Reads: device_identity, patch_findings, software_vulnerabilities (names and addresses of the updates).
--
-- A device lacks an update while an open finding there names it. What a finding is, and whether it is overdue, is what
-- patch_findings says.

WITH
-- 1. ONE FINDING, ONE ROW ---------------------------------------------------------------------------------------------
-- Where one finding alone names the update of a device, that finding says it all, and grouping millions of such rows would
-- cost more than everything else here. So a hash of the key first finds those that may have several findings (keys that
-- share a hash do no harm: these rows are grouped by the key itself).
repeated AS (
  SELECT hash(device_id, fix_id) AS fingerprint
  FROM patch_findings
  WHERE fix_id <> ''
  GROUP BY hash(device_id, fix_id)
  HAVING count(*) > 1
),
singles AS (
  SELECT
    f.device_id,
    f.fix_id,
    f.state,
    f.undecided AND f.state <> 'overdue' AS undecided,
    f.rated_severity AS severity,
    f.cvss_score AS worst_cvss,
    1 AS products,
    1 AS cves,
    CASE WHEN f.rated_severity = 'critical' THEN 1 ELSE 0 END AS critical_cves,
    CASE WHEN f.in_kev THEN 1 WHEN NOT f.in_kev THEN 0 END AS kev_cves,
    1 AS open_findings,
    CASE WHEN f.state = 'overdue' THEN 1 ELSE 0 END AS overdue_findings,
    CASE WHEN f.state = 'exempt' THEN 1 ELSE 0 END AS exempt_findings,
    CASE WHEN f.state = 'accepted' THEN 1 ELSE 0 END AS accepted_findings,
    f.first_seen_at,
    CASE WHEN f.state IN ('overdue', 'due_soon', 'on_time') THEN f.due_at END AS due_at,
    f.days_overdue,
    f.as_of
  FROM patch_findings AS f
  LEFT JOIN repeated AS r ON r.fingerprint = hash(f.device_id, f.fix_id)
  WHERE f.fix_id <> '' AND r.fingerprint IS NULL
),
-- 2. SEVERAL FINDINGS, ONE ROW ----------------------------------------------------------------------------------------
-- In the same way: most of them are each the only one of their CVE, and counted as they are. Those that may share a CVE
-- with another product or version are grouped by it first.
repeated_cves AS (
  SELECT hash(f.device_id, f.fix_id, f.cve_id) AS fingerprint
  FROM patch_findings AS f
  INNER JOIN repeated AS r ON r.fingerprint = hash(f.device_id, f.fix_id)
  WHERE f.fix_id <> ''
  GROUP BY hash(f.device_id, f.fix_id, f.cve_id)
  HAVING count(*) > 1
),
grouped AS (
  SELECT
    f.device_id,
    f.fix_id,
    count(*) AS open_findings,
    count(*) FILTER (WHERE f.state = 'overdue') AS overdue_findings,
    count(*) FILTER (WHERE f.state = 'exempt') AS exempt_findings,
    count(*) FILTER (WHERE f.state = 'accepted') AS accepted_findings,
    min(
      CASE f.state
        WHEN 'overdue' THEN 1 WHEN 'due_soon' THEN 2 WHEN 'on_time' THEN 3 WHEN 'no_due_date' THEN 4 WHEN 'no_fix' THEN 5
        WHEN 'accepted' THEN 6 ELSE 7
      END
    ) AS urgency,
    bool_or(f.undecided) AS undecided,
    max(
      CASE f.rated_severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 END
    ) AS severity,
    max(f.cvss_score) AS worst_cvss,
    min(f.first_seen_at) AS first_seen_at,
    min(CASE WHEN f.state IN ('overdue', 'due_soon', 'on_time') THEN f.due_at END) AS due_at,
    max(f.days_overdue) AS days_overdue,
    max(f.as_of) AS as_of,
    count(*) FILTER (WHERE c.fingerprint IS NULL) AS cves,
    count(*) FILTER (WHERE c.fingerprint IS NULL AND f.rated_severity = 'critical') AS critical_cves,
    count(*) FILTER (WHERE c.fingerprint IS NULL AND f.in_kev) AS kev_cves,
    count(f.in_kev) = count(*) AS knows_kev
  FROM patch_findings AS f
  INNER JOIN repeated AS r ON r.fingerprint = hash(f.device_id, f.fix_id)
  LEFT JOIN repeated_cves AS c ON c.fingerprint = hash(f.device_id, f.fix_id, f.cve_id)
  WHERE f.fix_id <> ''
  GROUP BY f.device_id, f.fix_id
),
products AS (
  SELECT device_id, fix_id, count(*) AS products
  FROM (
    SELECT DISTINCT f.device_id, f.fix_id, f.software_vendor, f.software_name
    FROM patch_findings AS f
    INNER JOIN repeated AS r ON r.fingerprint = hash(f.device_id, f.fix_id)
    WHERE f.fix_id <> ''
  ) AS named
  GROUP BY device_id, fix_id
),
shared_cves AS (
  SELECT
    device_id,
    fix_id,
    count(*) AS cves,
    count(*) FILTER (WHERE is_critical) AS critical_cves,
    count(*) FILTER (WHERE in_kev) AS kev_cves
  FROM (
    SELECT
      f.device_id,
      f.fix_id,
      f.cve_id,
      bool_or(f.in_kev) AS in_kev,
      bool_or(f.rated_severity = 'critical') AS is_critical
    FROM patch_findings AS f
    INNER JOIN repeated_cves AS c ON c.fingerprint = hash(f.device_id, f.fix_id, f.cve_id)
    WHERE f.fix_id <> ''
    GROUP BY f.device_id, f.fix_id, f.cve_id
  ) AS named
  GROUP BY device_id, fix_id
),
missing AS (
  SELECT
    device_id, fix_id, state, undecided, severity, worst_cvss, products, cves, critical_cves, kev_cves, open_findings,
    overdue_findings, exempt_findings, accepted_findings, first_seen_at, due_at, days_overdue, as_of
  FROM singles
  UNION ALL
  SELECT
    g.device_id,
    g.fix_id,
    CASE g.urgency
      WHEN 1 THEN 'overdue' WHEN 2 THEN 'due_soon' WHEN 3 THEN 'on_time' WHEN 4 THEN 'no_due_date' WHEN 5 THEN 'no_fix'
      WHEN 6 THEN 'accepted' WHEN 7 THEN 'exempt'
    END AS state,
    g.undecided AND g.overdue_findings = 0 AS undecided,
    CASE g.severity WHEN 4 THEN 'critical' WHEN 3 THEN 'high' WHEN 2 THEN 'medium' WHEN 1 THEN 'low' END AS severity,
    g.worst_cvss,
    p.products,
    g.cves + coalesce(c.cves, 0) AS cves,
    g.critical_cves + coalesce(c.critical_cves, 0) AS critical_cves,
    CASE WHEN g.knows_kev THEN g.kev_cves + coalesce(c.kev_cves, 0) END AS kev_cves,
    g.open_findings,
    g.overdue_findings,
    g.exempt_findings,
    g.accepted_findings,
    g.first_seen_at,
    g.due_at,
    g.days_overdue,
    g.as_of
  FROM grouped AS g
  INNER JOIN products AS p ON p.device_id = g.device_id AND p.fix_id = g.fix_id
  LEFT JOIN shared_cves AS c ON c.device_id = g.device_id AND c.fix_id = g.fix_id
),
-- 3. WHAT THE UPDATES ARE CALLED ----------------------------------------------------------------------------------------
described AS (
  SELECT
    recommended_security_update_id AS fix_id,
    max(recommended_security_update) AS update_name,
    max(recommended_security_update_url) AS update_url
  FROM software_vulnerabilities
  WHERE recommended_security_update_id <> ''
  GROUP BY recommended_security_update_id
),
named_for AS (
  SELECT fix_id, list_sort(list(concat_ws(' ', software_vendor, software_name))) AS update_products
  FROM (SELECT DISTINCT fix_id, software_vendor, software_name FROM patch_findings WHERE fix_id <> '') AS named
  GROUP BY fix_id
)

SELECT
  m.device_id,
  i.device_name,
  i.platform_family,
  i.population,
  m.fix_id AS update_id,
  n.update_name,
  n.update_url,
  p.update_products,
  m.state,
  m.undecided,
  m.severity,
  m.worst_cvss,
  m.products,
  m.cves,
  m.critical_cves,
  m.kev_cves,
  m.open_findings,
  m.overdue_findings,
  m.exempt_findings,
  m.accepted_findings,
  m.first_seen_at,
  m.due_at,
  m.days_overdue,
  m.as_of
FROM missing AS m
INNER JOIN named_for AS p ON p.fix_id = m.fix_id
LEFT JOIN described AS n ON n.fix_id = m.fix_id
LEFT JOIN device_identity AS i ON i.device_id = m.device_id
