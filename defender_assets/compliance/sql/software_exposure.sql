-- software_exposure: per vendor and product, who has it, what is open in it, what of that is overdue.
--
-- Reads: device_identity, software_inventory, patch_findings.
-- Devices are counted over the eligible ones; the others are counted apart, so that none is left out silently.

WITH
-- Numbers in place of ids of forty characters: ten million of them are counted below.
devices AS (
  SELECT device_id, population = 'eligible' AS is_eligible, row_number() OVER (ORDER BY device_id) AS number, as_of
  FROM device_identity
),
fleet AS (
  SELECT count(*) FILTER (WHERE is_eligible) AS eligible_devices, max(as_of) AS as_of FROM devices
),

installed AS (
  SELECT
    i.software_vendor,
    i.software_name,
    i.software_version,
    d.number,
    coalesce(d.is_eligible, FALSE) AS is_eligible,
    -- 'Upcoming EOS …' has not ended yet, 'None' never will for all that is known.
    i.end_of_support_status IN ('EOS Version', 'EOS Software') AS is_out_of_support,
    i.end_of_support_date
  FROM software_inventory AS i
  INNER JOIN devices AS d ON d.device_id = i.device_id
),
found AS (
  SELECT f.*, d.number, d.is_eligible
  FROM patch_findings AS f
  INNER JOIN devices AS d ON d.device_id = f.device_id
),

-- One row per product and device: from either side.
holders AS (
  SELECT DISTINCT software_vendor, software_name, number, is_eligible FROM installed
  UNION
  SELECT DISTINCT software_vendor, software_name, number, is_eligible FROM found
),
held AS (
  SELECT
    software_vendor,
    software_name,
    count(*) FILTER (WHERE is_eligible) AS devices,
    count(*) FILTER (WHERE NOT is_eligible) AS other_devices
  FROM holders
  GROUP BY software_vendor, software_name
),
versions AS (
  SELECT software_vendor, software_name, count(*) AS versions, count(*) FILTER (WHERE is_out_of_support) AS ended_versions
  FROM (
    SELECT software_vendor, software_name, software_version, bool_or(coalesce(is_out_of_support, FALSE)) AS is_out_of_support
    FROM (
      SELECT software_vendor, software_name, software_version, is_out_of_support FROM installed WHERE is_eligible
      UNION ALL
      SELECT software_vendor, software_name, software_version, FALSE AS is_out_of_support FROM found WHERE is_eligible
    ) AS seen
    GROUP BY software_vendor, software_name, software_version
  ) AS version
  GROUP BY software_vendor, software_name
),
ended AS (
  SELECT
    software_vendor,
    software_name,
    count(DISTINCT number) FILTER (WHERE is_out_of_support) AS end_of_support_devices,
    min(end_of_support_date) AS end_of_support_date
  FROM installed
  WHERE is_eligible AND (is_out_of_support OR end_of_support_date IS NOT NULL)
  GROUP BY software_vendor, software_name
),

-- Findings by product and CVE first, then by product.
by_cve AS (
  SELECT
    software_vendor,
    software_name,
    cve_id,
    max(cvss_score) AS cvss_score,
    max(epss) AS epss,
    bool_or(in_kev) AS in_kev,
    bool_or(lower(severity) = 'critical') AS is_critical,
    bool_or(exploitability_level IN ('ExploitIsPublic', 'ExploitIsVerified', 'ExploitIsInKit')) AS is_exploited,
    count(*) AS open_findings,
    count(*) FILTER (WHERE state = 'overdue') AS overdue_findings
  FROM found
  WHERE is_eligible
  GROUP BY software_vendor, software_name, cve_id
),
exposed AS (
  SELECT
    software_vendor,
    software_name,
    count(*) AS cves,
    count(*) FILTER (WHERE is_critical) AS critical_cves,
    -- Null where the catalogue was absent: then no finding says yes or no.
    CASE WHEN count(in_kev) > 0 THEN count(*) FILTER (WHERE in_kev) END AS kev_cves,
    count(*) FILTER (WHERE is_exploited) AS exploited_cves,
    max(cvss_score) AS worst_cvss,
    max(epss) AS highest_epss,
    sum(open_findings) AS open_findings,
    sum(overdue_findings) AS overdue_findings
  FROM by_cve
  GROUP BY software_vendor, software_name
),
exposed_devices AS (
  SELECT
    software_vendor,
    software_name,
    count(*) AS exposed_devices,
    count(*) FILTER (WHERE is_overdue) AS overdue_devices
  FROM (
    SELECT software_vendor, software_name, number, bool_or(state = 'overdue') AS is_overdue
    FROM found
    WHERE is_eligible
    GROUP BY software_vendor, software_name, number
  ) AS device
  GROUP BY software_vendor, software_name
)

SELECT
  h.software_vendor,
  h.software_name,
  h.devices,
  f.eligible_devices,
  h.other_devices,
  coalesce(v.versions, 0) AS versions,
  coalesce(d.exposed_devices, 0) AS exposed_devices,
  coalesce(x.cves, 0) AS cves,
  coalesce(x.critical_cves, 0) AS critical_cves,
  x.kev_cves,
  coalesce(x.exploited_cves, 0) AS exploited_cves,
  x.worst_cvss,
  x.highest_epss,
  coalesce(x.open_findings, 0) AS open_findings,
  coalesce(x.overdue_findings, 0) AS overdue_findings,
  coalesce(d.overdue_devices, 0) AS overdue_devices,
  coalesce(v.ended_versions, 0) AS end_of_support_versions,
  coalesce(e.end_of_support_devices, 0) AS end_of_support_devices,
  e.end_of_support_date,
  f.as_of
FROM held AS h
CROSS JOIN fleet AS f
LEFT JOIN versions AS v
  ON v.software_vendor IS NOT DISTINCT FROM h.software_vendor AND v.software_name IS NOT DISTINCT FROM h.software_name
LEFT JOIN exposed AS x
  ON x.software_vendor IS NOT DISTINCT FROM h.software_vendor AND x.software_name IS NOT DISTINCT FROM h.software_name
LEFT JOIN exposed_devices AS d
  ON d.software_vendor IS NOT DISTINCT FROM h.software_vendor AND d.software_name IS NOT DISTINCT FROM h.software_name
LEFT JOIN ended AS e
  ON e.software_vendor IS NOT DISTINCT FROM h.software_vendor AND e.software_name IS NOT DISTINCT FROM h.software_name
ORDER BY h.software_vendor, h.software_name
