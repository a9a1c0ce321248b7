-- missing_updates: which security updates each device lacks, what they would fix, and what of that is overdue.
--
-- Reads: device_identity, patch_findings, software_vulnerabilities (names and addresses of the updates).
--
-- A device lacks an update while an open finding there names it. What a finding is, and whether it is overdue, is what
-- patch_findings says.

WITH
-- Numbers in place of long names: ten million of them are grouped below.
devices AS (
  SELECT device_id, row_number() OVER (ORDER BY device_id) AS device
  FROM (SELECT DISTINCT device_id FROM patch_findings WHERE fix_id <> '') AS named
),
updates AS (
  SELECT fix_id, row_number() OVER (ORDER BY fix_id) AS number
  FROM (SELECT DISTINCT fix_id FROM patch_findings WHERE fix_id <> '') AS named
),
products AS (
  SELECT
    software_vendor,
    software_name,
    concat_ws(' ', software_vendor, software_name) AS title,
    row_number() OVER (ORDER BY software_vendor NULLS FIRST, software_name NULLS FIRST) AS product
  FROM (SELECT DISTINCT software_vendor, software_name FROM patch_findings WHERE fix_id <> '') AS named
),
cves AS (
  -- The catalogue says the same of a CVE wherever it is found; null where it was absent or too old.
  SELECT cve_id, bool_or(in_kev) AS in_kev, row_number() OVER (ORDER BY cve_id) AS cve
  FROM patch_findings
  WHERE fix_id <> ''
  GROUP BY cve_id
),
found AS (
  SELECT
    d.device,
    u.number AS update_number,
    p.product,
    c.cve,
    f.state,
    f.undecided,
    f.cvss_score,
    f.first_seen_at,
    f.days_overdue,
    CASE WHEN f.state IN ('overdue', 'due_soon', 'on_time') THEN f.due_at END AS due_at,
    CASE f.rated_severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 END AS severity,
    f.as_of
  FROM patch_findings AS f
  INNER JOIN devices AS d ON d.device_id = f.device_id
  INNER JOIN updates AS u ON u.fix_id = f.fix_id
  INNER JOIN cves AS c ON c.cve_id = f.cve_id
  INNER JOIN products AS p
    ON p.software_vendor IS NOT DISTINCT FROM f.software_vendor AND p.software_name IS NOT DISTINCT FROM f.software_name
),

findings AS (
  SELECT
    device,
    update_number,
    count(*) AS open_findings,
    count(*) FILTER (WHERE state = 'overdue') AS overdue_findings,
    count(*) FILTER (WHERE state = 'exempt') AS exempt_findings,
    count(*) FILTER (WHERE state = 'accepted') AS accepted_findings,
    CASE
      WHEN bool_or(state = 'overdue') THEN 'overdue'
      WHEN bool_or(state = 'due_soon') THEN 'due_soon'
      WHEN bool_or(state = 'on_time') THEN 'on_time'
      WHEN bool_or(state = 'no_due_date') THEN 'no_due_date'
      WHEN bool_or(state = 'no_fix') THEN 'no_fix'
      WHEN bool_or(state = 'accepted') THEN 'accepted'
      ELSE 'exempt'
    END AS state,
    bool_or(undecided) AS undecided,
    max(severity) AS severity,
    max(cvss_score) AS worst_cvss,
    min(first_seen_at) AS first_seen_at,
    min(due_at) AS due_at,
    max(days_overdue) AS days_overdue,
    max(as_of) AS as_of
  FROM found
  GROUP BY device, update_number
),

-- One row per device, update and product; then per device and update. The same of CVEs.
by_product AS (
  SELECT s.device, s.update_number, count(*) AS products, list_sort(list(p.title)) AS product_names
  FROM (SELECT DISTINCT device, update_number, product FROM found) AS s
  INNER JOIN products AS p ON p.product = s.product
  GROUP BY s.device, s.update_number
),
by_cve AS (
  SELECT
    s.device,
    s.update_number,
    count(*) AS cves,
    count(*) FILTER (WHERE s.is_critical) AS critical_cves,
    CASE WHEN count(c.in_kev) = count(*) THEN count(*) FILTER (WHERE c.in_kev) END AS kev_cves
  FROM (
    SELECT device, update_number, cve, coalesce(bool_or(severity = 4), FALSE) AS is_critical
    FROM found
    GROUP BY device, update_number, cve
  ) AS s
  INNER JOIN cves AS c ON c.cve = s.cve
  GROUP BY s.device, s.update_number
),

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
  d.device_id,
  i.device_name,
  i.platform_family,
  i.population,
  u.fix_id AS update_id,
  n.update_name,
  n.update_url,
  f.state,
  f.undecided AND f.overdue_findings = 0 AS undecided,
  CASE f.severity WHEN 4 THEN 'critical' WHEN 3 THEN 'high' WHEN 2 THEN 'medium' WHEN 1 THEN 'low' END AS severity,
  f.worst_cvss,
  p.products,
  p.product_names,
  c.cves,
  c.critical_cves,
  c.kev_cves,
  f.open_findings,
  f.overdue_findings,
  f.exempt_findings,
  f.accepted_findings,
  f.first_seen_at,
  f.due_at,
  f.days_overdue,
  f.as_of
FROM findings AS f
INNER JOIN devices AS d ON d.device = f.device
INNER JOIN updates AS u ON u.number = f.update_number
INNER JOIN by_product AS p ON p.device = f.device AND p.update_number = f.update_number
INNER JOIN by_cve AS c ON c.device = f.device AND c.update_number = f.update_number
LEFT JOIN described AS n ON n.fix_id = u.fix_id
LEFT JOIN device_identity AS i ON i.device_id = d.device_id
