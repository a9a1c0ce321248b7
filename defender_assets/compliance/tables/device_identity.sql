-- device_identity: one row per machine record; which record survives, and who counts.
--
-- Reads: machines, software_inventory, software_vulnerabilities (these two may be empty), policy_settings,
-- policy_shared_names.
-- Everything is judged at as_of, when the day's machines were observed, never at the wall clock.
--
-- A record is a duplicate if it was last seen more than duplicate_after_days before as_of while another record of the
-- same device was seen later. Two records are one device if
--   - their Entra ids are equal, whatever their names, or
--   - their names are equal (case aside) and nothing contradicts it: not two Entra ids, not two platform families, not two
--     sets of hardware addresses without a common one. What is not known contradicts nothing. A name that the policy says
--     many devices share (iphone, localhost) needs a common hardware address as well.
-- Records that a scope left out are not here to be compared: where one of them decides, its outcome among all records is
-- in identity_of_whole_tenant.
-- Each record is compared with every later one in this way; it gives way to the latest that is the same device. Where that
-- one gives way itself, primary_device_id is the end of the chain.

WITH
snapshot AS (
  SELECT max(observed_at) AS as_of FROM machines
),

all_records AS (
  SELECT
    id AS device_id,
    computer_dns_name AS device_name,
    nullif(lower(trim(computer_dns_name)), '') AS name_key,
    os_platform,
    CASE
      WHEN lower(trim(os_platform)) LIKE 'windows%' THEN 'windows'
      WHEN lower(trim(os_platform)) LIKE 'mac%' OR lower(trim(os_platform)) IN ('osx', 'darwin') THEN 'macos'
      WHEN lower(trim(os_platform)) LIKE 'android%' THEN 'android'
      WHEN lower(trim(os_platform)) IN ('ios', 'ipados') THEN 'ios'
      WHEN lower(trim(os_platform)) LIKE '%linux%'
        OR lower(trim(os_platform)) LIKE 'ubuntu%'
        OR lower(trim(os_platform)) LIKE 'debian%'
        OR lower(trim(os_platform)) LIKE 'redhat%'
        OR lower(trim(os_platform)) LIKE 'red hat%'
        OR lower(trim(os_platform)) LIKE 'rhel%'
        OR lower(trim(os_platform)) LIKE 'centos%'
        OR lower(trim(os_platform)) LIKE 'fedora%'
        OR lower(trim(os_platform)) LIKE 'sles%'
        OR lower(trim(os_platform)) LIKE 'suse%'
        OR lower(trim(os_platform)) LIKE 'opensuse%'
        OR lower(trim(os_platform)) LIKE 'oracle%'
        OR lower(trim(os_platform)) LIKE 'amazon%'
        OR lower(trim(os_platform)) LIKE 'rocky%'
        OR lower(trim(os_platform)) LIKE 'alma%'
        OR lower(trim(os_platform)) LIKE 'mariner%'
        THEN 'linux'
      ELSE 'other'
    END AS platform_family,
    CASE
      WHEN lower(trim(aad_device_id)) NOT IN ('', '00000000-0000-0000-0000-000000000000') THEN lower(trim(aad_device_id))
    END AS entra_id,
    rbac_group_id,
    rbac_group_name,
    machine_tags,
    last_seen,
    onboarding_status,
    health_status,
    -- A record that names itself is not merged.
    CASE
      WHEN trim(merged_into_machine_id) <> '' AND merged_into_machine_id <> id THEN merged_into_machine_id
    END AS merged_into_id,
    coalesce(is_excluded, FALSE) AS is_excluded,
    coalesce(lower(trim(onboarding_status)) = 'onboarded', FALSE) AS is_onboarded
  FROM machines
),
-- Of two records that name each other one survives, the later seen: else the device would be in no number at all.
survivors AS (
  SELECT r.device_id
  FROM all_records AS r
  INNER JOIN all_records AS o ON o.device_id = r.merged_into_id AND o.merged_into_id = r.device_id
  WHERE (r.last_seen IS NOT NULL AND o.last_seen IS NULL)
    OR r.last_seen > o.last_seen
    OR (r.last_seen IS NOT DISTINCT FROM o.last_seen AND r.device_id < o.device_id)
),
records AS (
  SELECT r.*, CASE WHEN s.device_id IS NULL THEN r.merged_into_id END AS merged_into
  FROM all_records AS r
  LEFT JOIN survivors AS s ON s.device_id = r.device_id
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

-- 1. DUPLICATES ---------------------------------------------------------------------------------------------------------
-- Hardware addresses. Loopbacks have none, tunnels have other lengths, and all zeros or ones are no address; nor is what
-- iOS and Android give to every application that asks.
-- https://developer.android.com/about/versions/marshmallow/android-6.0-changes
hardware AS (
  SELECT DISTINCT device_id, address
  FROM (
    SELECT
      device_id,
      lower(interface.type) AS kind,
      replace(replace(replace(lower(interface.mac_address), ':', ''), '-', ''), '.', '') AS address
    FROM (SELECT id AS device_id, unnest(ip_addresses) AS interface FROM machines) AS interfaces
  ) AS addresses
  WHERE length(address) = 12
    AND address NOT IN ('000000000000', 'ffffffffffff', '020000000000')
    AND (kind IS NULL OR kind NOT LIKE '%loopback%')
),
-- What can be a duplicate, and what another can be a duplicate of. A clock that is more than a day ahead proves nothing.
standing AS (
  SELECT
    r.device_id,
    r.name_key,
    r.platform_family,
    r.entra_id,
    r.entra_id IS NOT NULL AS has_entra_id,
    h.device_id IS NOT NULL AS has_hardware,
    n.name IS NOT NULL AS is_shared_name,
    r.last_seen,
    r.last_seen < s.as_of - INTERVAL 1 DAY * p.duplicate_after_days AS is_stale
  FROM records AS r
  CROSS JOIN snapshot AS s
  CROSS JOIN policy_settings AS p
  LEFT JOIN (SELECT DISTINCT device_id FROM hardware) AS h ON h.device_id = r.device_id
  LEFT JOIN policy_shared_names AS n ON n.name = split_part(r.name_key, '.', 1)
  WHERE r.is_onboarded
    AND NOT r.is_excluded
    AND r.merged_into IS NULL
    AND r.last_seen <= s.as_of + INTERVAL 1 DAY
),
-- The latest record of each Entra id; of each name, family and kind of evidence; of each name, family and hardware
-- address. A record is compared with these few instead of with every other of its name: a hundred thousand phones may
-- have one.
latest_of_entra_id AS (
  SELECT entra_id, device_id, last_seen
  FROM (
    SELECT
      entra_id,
      device_id,
      last_seen,
      row_number() OVER (PARTITION BY entra_id ORDER BY last_seen DESC NULLS LAST, device_id) AS rank
    FROM standing
    WHERE has_entra_id
  ) AS ranked
  WHERE rank = 1
),
latest_of_name AS (
  SELECT name_key, platform_family, has_entra_id, has_hardware, device_id, last_seen
  FROM (
    SELECT
      name_key,
      platform_family,
      has_entra_id,
      has_hardware,
      device_id,
      last_seen,
      row_number() OVER (
        PARTITION BY name_key, platform_family, has_entra_id, has_hardware
        ORDER BY last_seen DESC NULLS LAST, device_id
      ) AS rank
    FROM standing
    WHERE name_key IS NOT NULL AND NOT is_shared_name
  ) AS ranked
  WHERE rank = 1
),
-- Address, family and name as one key, so that records meet by all three at once.
addressed AS (
  SELECT
    concat(h.address, ' ', r.platform_family, ' ', r.name_key) AS address_key,
    r.has_entra_id,
    r.device_id,
    r.last_seen,
    r.is_stale
  FROM standing AS r
  INNER JOIN hardware AS h ON h.device_id = r.device_id
  WHERE r.name_key IS NOT NULL
),
latest_of_address AS (
  SELECT address_key, has_entra_id, device_id, last_seen
  FROM (
    SELECT
      address_key,
      has_entra_id,
      device_id,
      last_seen,
      row_number() OVER (
        PARTITION BY address_key, has_entra_id ORDER BY last_seen DESC NULLS LAST, device_id
      ) AS rank
    FROM addressed
  ) AS ranked
  WHERE rank = 1
),
later AS (
  SELECT s.device_id AS older_id, l.device_id, l.last_seen
  FROM standing AS s
  INNER JOIN latest_of_entra_id AS l ON l.entra_id = s.entra_id
  WHERE s.is_stale AND l.last_seen > s.last_seen
  UNION ALL
  -- Equal names, of which not both have an Entra id, nor both hardware addresses: nothing to contradict each other.
  SELECT s.device_id AS older_id, l.device_id, l.last_seen
  FROM standing AS s
  INNER JOIN latest_of_name AS l ON l.name_key = s.name_key AND l.platform_family = s.platform_family
  WHERE s.is_stale
    AND l.last_seen > s.last_seen
    AND NOT (s.has_entra_id AND l.has_entra_id)
    AND NOT (s.has_hardware AND l.has_hardware)
  UNION ALL
  -- Equal names and a common hardware address.
  SELECT s.device_id AS older_id, l.device_id, l.last_seen
  FROM addressed AS s
  INNER JOIN latest_of_address AS l ON l.address_key = s.address_key
  WHERE s.is_stale AND l.last_seen > s.last_seen AND NOT (s.has_entra_id AND l.has_entra_id)
),
duplicate_1 AS (
  SELECT older_id AS device_id, device_id AS target
  FROM (
    SELECT
      older_id,
      device_id,
      row_number() OVER (PARTITION BY older_id ORDER BY last_seen DESC NULLS LAST, device_id) AS rank
    FROM later
  ) AS ranked
  WHERE rank = 1
),
-- Followed as merges are: every step is to a record that was seen later, so there is no circle.
duplicate_2 AS (
  SELECT a.device_id, coalesce(b.target, a.target) AS target
  FROM duplicate_1 AS a LEFT JOIN duplicate_1 AS b ON b.device_id = a.target
),
duplicate_4 AS (
  SELECT a.device_id, coalesce(b.target, a.target) AS target
  FROM duplicate_2 AS a LEFT JOIN duplicate_2 AS b ON b.device_id = a.target
),
duplicate_8 AS (
  SELECT a.device_id, coalesce(b.target, a.target) AS target
  FROM duplicate_4 AS a LEFT JOIN duplicate_4 AS b ON b.device_id = a.target
),

-- 2. POPULATIONS --------------------------------------------------------------------------------------------------------
-- A row of the inventory or of the assessment proves that vulnerability management looked at the device; rows of the
-- assessment without a CVE are there for that.
assessed AS (
  SELECT device_id FROM software_inventory WHERE device_id IS NOT NULL
  UNION
  SELECT device_id FROM software_vulnerabilities WHERE device_id IS NOT NULL
),
-- Without both of them nobody knows whom it looked at, and agents are judged all the same.
assessment AS (
  SELECT coalesce(absent_inputs LIKE '%software_inventory%software_vulnerabilities%', FALSE) AS is_absent FROM input_state
),

judged AS (
  SELECT
    r.device_id,
    r.device_name,
    r.os_platform,
    r.platform_family,
    r.rbac_group_id,
    r.rbac_group_name,
    r.machine_tags,
    r.last_seen,
    r.onboarding_status,
    r.health_status,
    m.target AS merged_into,
    d.target AS duplicate_of,
    w.primary_device_id AS told_primary_id,
    s.as_of,
    -- The first that holds.
    CASE
      WHEN CASE WHEN w.device_id IS NULL THEN r.merged_into IS NOT NULL ELSE w.population = 'merged' END THEN 'merged'
      WHEN r.is_excluded THEN 'excluded'
      WHEN NOT r.is_onboarded THEN 'not_onboarded'
      WHEN CASE WHEN w.device_id IS NULL THEN d.device_id IS NOT NULL ELSE w.population = 'duplicate' END
        THEN 'duplicate'
      WHEN r.last_seen < s.as_of - INTERVAL 1 DAY * p.inactive_after_days THEN 'inactive'
      -- Without a date that can be true nobody knows whether the device still reports.
      WHEN r.last_seen IS NULL OR r.last_seen > s.as_of + INTERVAL 1 DAY THEN 'not_assessed'
      WHEN a.device_id IS NULL AND NOT t.is_absent THEN 'not_assessed'
      ELSE 'eligible'
    END AS population
  FROM records AS r
  CROSS JOIN snapshot AS s
  CROSS JOIN policy_settings AS p
  CROSS JOIN assessment AS t
  LEFT JOIN merged_8 AS m ON m.device_id = r.device_id
  LEFT JOIN duplicate_8 AS d ON d.device_id = r.device_id
  LEFT JOIN assessed AS a ON a.device_id = r.device_id
  LEFT JOIN identity_of_whole_tenant AS w ON w.device_id = r.device_id
)

SELECT
  device_id,
  device_name,
  os_platform,
  platform_family,
  rbac_group_id,
  rbac_group_name,
  machine_tags,
  last_seen,
  onboarding_status,
  health_status,
  CASE population
    WHEN 'merged' THEN coalesce(told_primary_id, merged_into)
    WHEN 'duplicate' THEN coalesce(told_primary_id, duplicate_of)
    ELSE device_id
  END AS primary_device_id,
  population,
  as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM judged
