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
    c.in_kev,
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

-- Of each device and update three rows: what its findings say, how many products there are, how many CVEs.
counted AS (
  SELECT
    device,
    update_number,
    count(*) AS open_findings,
    count(*) FILTER (WHERE state = 'overdue') AS overdue_findings,
    count(*) FILTER (WHERE state = 'exempt') AS exempt_findings,
    count(*) FILTER (WHERE state = 'accepted') AS accepted_findings,
    min(
      CASE state
        WHEN 'overdue' THEN 1 WHEN 'due_soon' THEN 2 WHEN 'on_time' THEN 3 WHEN 'no_due_date' THEN 4 WHEN 'no_fix' THEN 5
        WHEN 'accepted' THEN 6 ELSE 7
      END
    ) AS urgency,
    max(CASE WHEN undecided THEN 1 ELSE 0 END) AS undecided,
    max(severity) AS severity,
    max(cvss_score) AS worst_cvss,
    min(first_seen_at) AS first_seen_at,
    min(due_at) AS due_at,
    max(days_overdue) AS days_overdue,
    max(as_of) AS as_of,
    NULL AS products,
    NULL AS cves,
    NULL AS critical_cves,
    NULL AS kev_cves
  FROM found
  GROUP BY device, update_number
  UNION ALL
  SELECT
    device, update_number, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, count(*), NULL, NULL, NULL
  FROM (SELECT DISTINCT device, update_number, product FROM found) AS named
  GROUP BY device, update_number
  UNION ALL
  SELECT
    device, update_number, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    count(*),
    count(*) FILTER (WHERE is_critical),
    CASE WHEN count(in_kev) = count(*) THEN count(*) FILTER (WHERE in_kev) END
  FROM (
    SELECT device, update_number, cve, bool_or(in_kev) AS in_kev, coalesce(bool_or(severity = 4), FALSE) AS is_critical
    FROM found
    GROUP BY device, update_number, cve
  ) AS named
  GROUP BY device, update_number
),
missing AS (
  SELECT
    device,
    update_number,
    max(open_findings) AS open_findings,
    max(overdue_findings) AS overdue_findings,
    max(exempt_findings) AS exempt_findings,
    max(accepted_findings) AS accepted_findings,
    max(urgency) AS urgency,
    max(undecided) AS undecided,
    max(severity) AS severity,
    max(worst_cvss) AS worst_cvss,
    max(first_seen_at) AS first_seen_at,
    max(due_at) AS due_at,
    max(days_overdue) AS days_overdue,
    max(as_of) AS as_of,
    max(products) AS products,
    max(cves) AS cves,
    max(critical_cves) AS critical_cves,
    max(kev_cves) AS kev_cves
  FROM counted
  GROUP BY device, update_number
),

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
  SELECT s.update_number, list_sort(list(p.title)) AS update_products
  FROM (SELECT DISTINCT update_number, product FROM found) AS s
  INNER JOIN products AS p ON p.product = s.product
  GROUP BY s.update_number
)

SELECT
  d.device_id,
  i.device_name,
  i.platform_family,
  i.population,
  u.fix_id AS update_id,
  n.update_name,
  n.update_url,
  p.update_products,
  CASE m.urgency
    WHEN 1 THEN 'overdue' WHEN 2 THEN 'due_soon' WHEN 3 THEN 'on_time' WHEN 4 THEN 'no_due_date' WHEN 5 THEN 'no_fix'
    WHEN 6 THEN 'accepted' WHEN 7 THEN 'exempt'
  END AS state,
  m.undecided = 1 AND m.overdue_findings = 0 AS undecided,
  CASE m.severity WHEN 4 THEN 'critical' WHEN 3 THEN 'high' WHEN 2 THEN 'medium' WHEN 1 THEN 'low' END AS severity,
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
INNER JOIN devices AS d ON d.device = m.device
INNER JOIN updates AS u ON u.number = m.update_number
INNER JOIN named_for AS p ON p.update_number = m.update_number
LEFT JOIN described AS n ON n.fix_id = u.fix_id
LEFT JOIN device_identity AS i ON i.device_id = d.device_id
