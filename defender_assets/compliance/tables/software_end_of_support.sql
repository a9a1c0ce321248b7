-- software_end_of_support: software that is past its end of support, near it, or has a date for it, and who has it.
--
-- Reads: device_identity, software_inventory, patch_findings (may be empty), policy_settings.
--
-- Support has ended when its date is over (a calendar date means the end of that day in UTC), or when the service says so,
-- whatever the date. Products count whether or not a CVE is known in them: nobody looks for one any more.

WITH
devices AS (
  SELECT device_id, population = 'eligible' AS is_eligible, as_of FROM device_identity
),
fleet AS (
  SELECT count(*) FILTER (WHERE is_eligible) AS eligible_devices, max(as_of) AS as_of FROM devices
),

-- Rows of the inventory that say anything about support; each is judged by itself, since the editions of a version may
-- have different dates.
told AS (
  SELECT
    i.device_id,
    i.software_vendor,
    i.software_name,
    i.software_version,
    i.end_of_support_status,
    i.end_of_support_date,
    d.is_eligible,
    CASE
      WHEN date_trunc('day', i.end_of_support_date) + INTERVAL 1 DAY <= d.as_of THEN 'ended'
      WHEN lower(trim(i.end_of_support_status)) IN ('eos version', 'eos software') THEN 'ended'
      WHEN i.end_of_support_date <= d.as_of + INTERVAL 1 DAY * p.support_ends_soon_days THEN 'ends_soon'
      WHEN i.end_of_support_date IS NOT NULL THEN 'supported_until'
      WHEN lower(trim(i.end_of_support_status)) LIKE 'upcoming%' THEN 'ends_soon'
      ELSE 'unknown'
    END AS status
  FROM software_inventory AS i
  INNER JOIN devices AS d ON d.device_id = i.device_id
  CROSS JOIN policy_settings AS p
  WHERE i.end_of_support_date IS NOT NULL OR lower(trim(i.end_of_support_status)) NOT IN ('', 'none')
),
software AS (
  SELECT
    software_vendor,
    software_name,
    software_version,
    status,
    max(end_of_support_status) AS end_of_support_status,
    min(end_of_support_date) AS end_of_support_date,
    count(DISTINCT device_id) FILTER (WHERE is_eligible) AS devices,
    count(DISTINCT device_id) FILTER (WHERE NOT is_eligible) AS other_devices
  FROM told
  GROUP BY software_vendor, software_name, software_version, status
),

-- Open findings in them, on the same devices.
holders AS (
  SELECT DISTINCT device_id, software_vendor, software_name, software_version, status FROM told WHERE is_eligible
),
found AS (
  SELECT
    h.software_vendor,
    h.software_name,
    h.software_version,
    h.status,
    f.cve_id,
    bool_or(f.in_kev) AS in_kev,
    count(*) AS open_findings
  FROM patch_findings AS f
  INNER JOIN holders AS h
    ON h.device_id = f.device_id
    AND h.software_name IS NOT DISTINCT FROM f.software_name
    AND h.software_version IS NOT DISTINCT FROM f.software_version
    AND h.software_vendor IS NOT DISTINCT FROM f.software_vendor
  GROUP BY h.software_vendor, h.software_name, h.software_version, h.status, f.cve_id
),
exposed AS (
  SELECT
    software_vendor,
    software_name,
    software_version,
    status,
    count(*) AS cves,
    count(*) FILTER (WHERE in_kev) AS kev_cves,
    count(in_kev) AS kev_known,
    sum(open_findings) AS open_findings
  FROM found
  GROUP BY software_vendor, software_name, software_version, status
),
-- Without patch_findings nothing is known of their CVEs: null, not zero.
assessed AS (
  SELECT coalesce(absent_inputs LIKE '%patch_findings%', FALSE) AS is_absent FROM input_state
)

SELECT
  s.software_vendor,
  s.software_name,
  s.software_version,
  s.status,
  s.end_of_support_status,
  s.end_of_support_date,
  CASE
    WHEN s.status = 'ended' AND s.end_of_support_date <= f.as_of
      THEN date_diff('microsecond', s.end_of_support_date, f.as_of) // 86400000000
  END AS days_since_end,
  CASE
    WHEN s.status = 'ended' THEN NULL
    WHEN s.end_of_support_date > f.as_of
      THEN date_diff('microsecond', f.as_of, s.end_of_support_date) // 86400000000
    -- Its last day.
    WHEN s.end_of_support_date <= f.as_of THEN 0
  END AS days_until_end,
  s.devices,
  f.eligible_devices,
  s.other_devices,
  CASE WHEN NOT a.is_absent THEN coalesce(e.open_findings, 0) END AS open_findings,
  CASE WHEN NOT a.is_absent THEN coalesce(e.cves, 0) END AS cves,
  -- Null where the KEV catalogue was absent or too old.
  CASE
    WHEN a.is_absent OR e.kev_known < e.cves THEN NULL
    ELSE coalesce(e.kev_cves, 0)
  END AS kev_cves,
  f.as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM software AS s
CROSS JOIN fleet AS f
CROSS JOIN assessed AS a
LEFT JOIN exposed AS e
  ON e.software_name IS NOT DISTINCT FROM s.software_name
  AND e.software_version IS NOT DISTINCT FROM s.software_version
  AND e.software_vendor IS NOT DISTINCT FROM s.software_vendor
  AND e.status = s.status
ORDER BY s.software_vendor, s.software_name, s.software_version, s.status
