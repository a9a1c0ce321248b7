-- device_identity: one row per machine record; which record survives, and who counts.
--
-- Reads: machines, software_inventory, software_vulnerabilities, policy_settings.
-- Everything is judged at as_of, when the day's machines were observed, never at the wall clock.

WITH
snapshot AS (
  SELECT max(observed_at) AS as_of FROM machines
),

records AS (
  SELECT
    id AS device_id,
    computer_dns_name AS device_name,
    lower(computer_dns_name) AS name_key,
    os_platform,
    lower(os_platform) AS platform,
    rbac_group_id,
    rbac_group_name,
    machine_tags,
    last_seen,
    onboarding_status,
    health_status,
    -- A record that names itself is not merged.
    CASE WHEN merged_into_machine_id <> '' AND merged_into_machine_id <> id THEN merged_into_machine_id END AS merged_into,
    coalesce(is_excluded, FALSE) AS is_excluded,
    coalesce(lower(onboarding_status) = 'onboarded', FALSE) AS is_onboarded
  FROM machines
),

-- Merges are followed to the record that survives: each step doubles the distance, three steps follow chains of eight.
merged_1 AS (
  SELECT device_id, merged_into AS target FROM records WHERE merged_into IS NOT NULL
),
merged_2 AS (
  SELECT a.device_id, coalesce(b.target, a.target) AS target
  FROM merged_1 AS a LEFT JOIN merged_1 AS b ON b.device_id = a.target
),
merged_4 AS (
  SELECT a.device_id, coalesce(b.target, a.target) AS target
  FROM merged_2 AS a LEFT JOIN merged_2 AS b ON b.device_id = a.target
),
merged_8 AS (
  SELECT a.device_id, coalesce(b.target, a.target) AS target
  FROM merged_4 AS a LEFT JOIN merged_4 AS b ON b.device_id = a.target
),

-- The latest onboarded, not merged, not excluded record of each name: what an older record of that name duplicates.
latest_of_name AS (
  SELECT name_key, device_id, last_seen
  FROM (
    SELECT
      name_key,
      device_id,
      last_seen,
      row_number() OVER (PARTITION BY name_key ORDER BY last_seen DESC NULLS LAST, device_id) AS rank
    FROM records
    WHERE is_onboarded AND NOT is_excluded AND merged_into IS NULL AND name_key <> ''
  ) AS ranked
  WHERE rank = 1
),

-- A row of the inventory or of the assessment proves that vulnerability management looked at the device; rows of the
-- assessment without a CVE are there for that.
assessed AS (
  SELECT device_id FROM software_inventory WHERE device_id IS NOT NULL
  UNION
  SELECT device_id FROM software_vulnerabilities WHERE device_id IS NOT NULL
),

judged AS (
  SELECT
    r.device_id,
    r.device_name,
    r.os_platform,
    r.platform,
    r.rbac_group_id,
    r.rbac_group_name,
    r.machine_tags,
    r.last_seen,
    r.onboarding_status,
    r.health_status,
    m.target AS merged_into,
    n.device_id AS latest_device_id,
    s.as_of,
    -- The first that holds.
    CASE
      WHEN r.merged_into IS NOT NULL THEN 'merged'
      WHEN r.is_excluded THEN 'excluded'
      WHEN NOT r.is_onboarded THEN 'not_onboarded'
      WHEN r.last_seen < s.as_of - INTERVAL 1 DAY * p.duplicate_after_days AND n.last_seen > r.last_seen THEN 'duplicate'
      WHEN r.last_seen < s.as_of - INTERVAL 1 DAY * p.inactive_after_days THEN 'inactive'
      WHEN a.device_id IS NULL THEN 'not_assessed'
      ELSE 'eligible'
    END AS population
  FROM records AS r
  CROSS JOIN snapshot AS s
  CROSS JOIN policy_settings AS p
  LEFT JOIN merged_8 AS m ON m.device_id = r.device_id
  LEFT JOIN latest_of_name AS n ON n.name_key = r.name_key
  LEFT JOIN assessed AS a ON a.device_id = r.device_id
)

SELECT
  device_id,
  device_name,
  os_platform,
  CASE
    WHEN platform LIKE 'windows%' THEN 'windows'
    WHEN platform LIKE 'mac%' OR platform IN ('osx', 'darwin') THEN 'macos'
    WHEN platform LIKE 'android%' THEN 'android'
    WHEN platform IN ('ios', 'ipados') THEN 'ios'
    WHEN platform LIKE '%linux%'
      OR platform LIKE 'ubuntu%'
      OR platform LIKE 'debian%'
      OR platform LIKE 'redhat%'
      OR platform LIKE 'red hat%'
      OR platform LIKE 'rhel%'
      OR platform LIKE 'centos%'
      OR platform LIKE 'fedora%'
      OR platform LIKE 'sles%'
      OR platform LIKE 'suse%'
      OR platform LIKE 'opensuse%'
      OR platform LIKE 'oracle%'
      OR platform LIKE 'amazon%'
      OR platform LIKE 'rocky%'
      OR platform LIKE 'alma%'
      OR platform LIKE 'mariner%'
      THEN 'linux'
    ELSE 'other'
  END AS platform_family,
  rbac_group_id,
  rbac_group_name,
  machine_tags,
  last_seen,
  onboarding_status,
  health_status,
  CASE population
    WHEN 'merged' THEN merged_into
    WHEN 'duplicate' THEN latest_device_id
    ELSE device_id
  END AS primary_device_id,
  population,
  as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM judged
