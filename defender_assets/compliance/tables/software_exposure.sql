-- software_exposure: per vendor and product, who has it, what is open in it, what of that is overdue.
--
-- Reads: device_identity, software_inventory, patch_findings, policy_exploited_levels.
-- Devices are counted over the eligible ones; the others are counted apart, so that none is left out silently.

WITH
-- Numbers in place of long names: tens of millions of them are counted below.
devices AS (
  SELECT device_id, population = 'eligible' AS is_eligible, row_number() OVER (ORDER BY device_id) AS device, as_of
  FROM device_identity
),
products AS (
  SELECT
    software_vendor,
    software_name,
    row_number() OVER (ORDER BY software_vendor NULLS FIRST, software_name NULLS FIRST) AS product
  FROM (
    SELECT software_vendor, software_name FROM software_inventory
    UNION
    SELECT software_vendor, software_name FROM patch_findings
  ) AS named
),
fleet AS (
  SELECT count(*) FILTER (WHERE is_eligible) AS eligible_devices, max(as_of) AS as_of FROM devices
),

installed AS (
  SELECT
    p.product,
    d.device,
    d.is_eligible,
    i.software_version,
    -- By the date (a calendar date means the end of that day in UTC), or by the service's word: 'Upcoming EOS …' with a
    -- date that is over has ended, 'None' never will for all that is known.
    date_trunc('day', i.end_of_support_date) + INTERVAL 1 DAY <= d.as_of
    OR lower(i.end_of_support_status) IN ('eos version', 'eos software') AS is_ended,
    i.end_of_support_date
  FROM software_inventory AS i
  INNER JOIN devices AS d ON d.device_id = i.device_id
  INNER JOIN products AS p
    ON p.software_vendor IS NOT DISTINCT FROM i.software_vendor AND p.software_name IS NOT DISTINCT FROM i.software_name
),
found AS (
  SELECT
    p.product,
    d.device,
    d.is_eligible,
    f.software_version,
    f.cve_id,
    f.cvss_score,
    f.epss,
    f.in_kev,
    f.rated_severity,
    x.exploitability_level IS NOT NULL AS is_exploited,
    f.state = 'overdue' AS is_overdue,
    f.state = 'accepted' AS is_accepted
  FROM patch_findings AS f
  INNER JOIN devices AS d ON d.device_id = f.device_id
  INNER JOIN products AS p
    ON p.software_vendor IS NOT DISTINCT FROM f.software_vendor AND p.software_name IS NOT DISTINCT FROM f.software_name
  LEFT JOIN policy_exploited_levels AS x ON x.exploitability_level = lower(trim(f.exploitability_level))
),

-- One row per product and device, from either side; then per product. Flags are the bits of one number: 1 the device is
-- eligible, 2 it has a finding, 4 one is overdue, 8 its version is past its end of support. Four columns would take twice
-- the memory.
holdings AS (
  SELECT product, device, bit_or(flags) AS flags
  FROM (
    SELECT product, device, CASE WHEN is_eligible THEN 1 ELSE 0 END + CASE WHEN is_ended THEN 8 ELSE 0 END AS flags
    FROM installed
    UNION ALL
    SELECT product, device, CASE WHEN is_eligible THEN 3 ELSE 2 END + CASE WHEN is_overdue THEN 4 ELSE 0 END AS flags
    FROM found
  ) AS held
  GROUP BY product, device
),
by_device AS (
  SELECT
    product,
    count(*) FILTER (WHERE flags & 1 = 1) AS devices,
    count(*) FILTER (WHERE flags & 1 = 0) AS other_devices,
    count(*) FILTER (WHERE flags & 3 = 3) AS exposed_devices,
    count(*) FILTER (WHERE flags & 5 = 5) AS overdue_devices,
    count(*) FILTER (WHERE flags & 9 = 9) AS end_of_support_devices
  FROM holdings
  GROUP BY product
),

-- One row per product and version; then per product.
versions AS (
  SELECT product, software_version, bool_or(is_ended) AS is_ended, min(end_of_support_date) AS end_of_support_date
  FROM (
    SELECT product, software_version, is_ended, end_of_support_date FROM installed WHERE is_eligible
    UNION ALL
    SELECT product, software_version, FALSE AS is_ended, NULL AS end_of_support_date FROM found WHERE is_eligible
  ) AS seen
  GROUP BY product, software_version
),
by_version AS (
  SELECT
    product,
    count(*) AS versions,
    count(*) FILTER (WHERE is_ended) AS end_of_support_versions,
    min(end_of_support_date) AS end_of_support_date
  FROM versions
  GROUP BY product
),

-- One row per product and CVE; then per product.
cves AS (
  SELECT
    product,
    cve_id,
    max(cvss_score) AS cvss_score,
    max(epss) AS epss,
    bool_or(in_kev) AS in_kev,
    bool_or(rated_severity = 'critical') AS is_critical,
    bool_or(is_exploited) AS is_exploited,
    count(*) AS open_findings,
    count(*) FILTER (WHERE is_overdue) AS overdue_findings,
    count(*) FILTER (WHERE is_accepted) AS accepted_findings
  FROM found
  WHERE is_eligible
  GROUP BY product, cve_id
),
by_cve AS (
  SELECT
    product,
    count(*) AS cves,
    count(*) FILTER (WHERE is_critical) AS critical_cves,
    -- Null where the catalogue was absent or too old: then not every finding says yes or no.
    CASE WHEN count(in_kev) = count(*) THEN count(*) FILTER (WHERE in_kev) END AS kev_cves,
    count(*) FILTER (WHERE is_exploited) AS exploited_cves,
    max(cvss_score) AS worst_cvss,
    max(epss) AS highest_epss,
    sum(open_findings) AS open_findings,
    sum(overdue_findings) AS overdue_findings,
    sum(accepted_findings) AS accepted_findings
  FROM cves
  GROUP BY product
)

SELECT
  p.software_vendor,
  p.software_name,
  d.devices,
  f.eligible_devices,
  d.other_devices,
  coalesce(v.versions, 0) AS versions,
  d.exposed_devices,
  coalesce(c.cves, 0) AS cves,
  coalesce(c.critical_cves, 0) AS critical_cves,
  c.kev_cves,
  coalesce(c.exploited_cves, 0) AS exploited_cves,
  c.worst_cvss,
  c.highest_epss,
  coalesce(c.open_findings, 0) AS open_findings,
  coalesce(c.overdue_findings, 0) AS overdue_findings,
  coalesce(c.accepted_findings, 0) AS accepted_findings,
  d.overdue_devices,
  coalesce(v.end_of_support_versions, 0) AS end_of_support_versions,
  d.end_of_support_devices,
  v.end_of_support_date,
  f.as_of
FROM products AS p
CROSS JOIN fleet AS f
INNER JOIN by_device AS d ON d.product = p.product
LEFT JOIN by_version AS v ON v.product = p.product
LEFT JOIN by_cve AS c ON c.product = p.product
ORDER BY p.software_vendor, p.software_name
