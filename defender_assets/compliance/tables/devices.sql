-- devices: one wide row per machine record.
--
-- Reads: machines, device_identity, and, each of which may be empty: machine_users, software_inventory, av_health, alerts
-- (as many days as there are), patch_compliance, agent_compliance, policy_compliance.

WITH
presence AS (
  -- What was absent is unknown, not zero.
  SELECT
    (SELECT count(*) FROM software_inventory) > 0 AS has_inventory,
    (SELECT count(*) FROM alerts) > 0 AS has_alerts
),
logons AS (
  SELECT
    machine_id,
    count(DISTINCT id) AS users,
    max(id) FILTER (WHERE rank = 1 AND last_seen IS NOT NULL) AS last_user,
    max(last_seen) AS last_logon_at
  FROM (
    SELECT
      machine_id,
      id,
      last_seen,
      row_number() OVER (PARTITION BY machine_id ORDER BY last_seen DESC NULLS LAST, id) AS rank
    FROM machine_users
  ) AS ranked
  GROUP BY machine_id
),
-- Numbers in place of long names: tens of millions of pairs are counted below.
holders AS (
  SELECT device_id, row_number() OVER (ORDER BY device_id) AS holder
  FROM (SELECT DISTINCT device_id FROM software_inventory) AS named
),
products AS (
  SELECT
    software_vendor,
    software_name,
    row_number() OVER (ORDER BY software_vendor NULLS FIRST, software_name NULLS FIRST) AS product
  FROM (SELECT DISTINCT software_vendor, software_name FROM software_inventory) AS named
),
installed AS (
  SELECT h.device_id, c.products
  FROM (
    SELECT holder, count(*) AS products
    FROM (
      SELECT DISTINCT h.holder, p.product
      FROM software_inventory AS i
      INNER JOIN holders AS h ON h.device_id = i.device_id
      INNER JOIN products AS p
        ON p.software_vendor IS NOT DISTINCT FROM i.software_vendor
        AND p.software_name IS NOT DISTINCT FROM i.software_name
    ) AS pairs
    GROUP BY holder
  ) AS c
  INNER JOIN holders AS h ON h.holder = c.holder
),
alerted AS (
  SELECT
    machine_id,
    count(DISTINCT id) AS recent_alerts,
    count(DISTINCT id) FILTER (WHERE status IS NULL OR lower(status) <> 'resolved') AS unresolved_alerts
  FROM alerts
  GROUP BY machine_id
),
av AS (
  SELECT
    machine_id,
    max(av_mode) AS av_mode,
    max(av_engine_version) AS av_engine_version,
    max(av_platform_version) AS av_platform_version,
    max(av_signature_version) AS av_signature_version,
    max(av_signature_publish_time) AS av_signature_publish_time
  FROM av_health
  GROUP BY machine_id
)

SELECT
  d.device_id,
  d.device_name,
  d.primary_device_id,
  d.population,
  d.platform_family,
  d.os_platform,
  CASE
    WHEN lower(d.os_platform) LIKE '%server%' OR d.platform_family = 'linux' THEN TRUE
    WHEN d.platform_family IN ('macos', 'android', 'ios') THEN FALSE
    -- 'Windows' alone, and what is none of these (printers, switches), may be either.
    WHEN d.platform_family = 'windows' AND lower(trim(d.os_platform)) <> 'windows' THEN FALSE
  END AS is_server,
  m.version AS os_version,
  m.os_build,
  m.os_architecture,
  m.first_seen,
  d.last_seen,
  -- A clock that is more than a day ahead says nothing.
  CASE
    WHEN d.last_seen > d.as_of + INTERVAL 1 DAY THEN NULL
    WHEN d.last_seen > d.as_of THEN 0
    ELSE date_diff('microsecond', d.last_seen, d.as_of) // 86400000000
  END AS days_silent,
  d.health_status,
  d.onboarding_status,
  m.risk_score,
  m.exposure_level,
  m.device_value,
  d.rbac_group_id,
  d.rbac_group_name,
  d.machine_tags,
  m.managed_by,
  m.managed_by_status,
  m.is_aad_joined,
  m.aad_device_id,
  m.last_ip_address,
  m.last_external_ip_address,
  m.agent_version,
  CASE v.av_mode
    WHEN '0' THEN 'active'
    WHEN '1' THEN 'passive'
    WHEN '2' THEN 'disabled'
    WHEN '3' THEN 'other'
    WHEN '4' THEN 'edr_blocked'
    WHEN '5' THEN 'passive_audit'
  END AS av_mode,
  v.av_engine_version,
  v.av_platform_version,
  v.av_signature_version,
  v.av_signature_publish_time,
  -- Null where the crawl has not reached the device yet.
  l.users,
  l.last_user,
  l.last_logon_at,
  CASE WHEN h.has_inventory THEN coalesce(i.products, 0) END AS products,
  CASE WHEN h.has_alerts THEN coalesce(x.recent_alerts, 0) END AS recent_alerts,
  CASE WHEN h.has_alerts THEN coalesce(x.unresolved_alerts, 0) END AS unresolved_alerts,
  p.verdict AS patch_verdict,
  p.open_findings,
  p.overdue_findings,
  p.kev_findings,
  a.verdict AS agent_verdict,
  a.agent_state,
  c.verdict AS policy_verdict,
  d.as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM device_identity AS d
INNER JOIN machines AS m ON m.id = d.device_id
CROSS JOIN presence AS h
LEFT JOIN logons AS l ON l.machine_id = d.device_id
LEFT JOIN installed AS i ON i.device_id = d.device_id
LEFT JOIN alerted AS x ON x.machine_id = d.device_id
LEFT JOIN av AS v ON v.machine_id = d.device_id
LEFT JOIN patch_compliance AS p ON p.device_id = d.device_id
LEFT JOIN agent_compliance AS a ON a.device_id = d.device_id
LEFT JOIN policy_compliance AS c ON c.device_id = d.device_id
ORDER BY d.device_id
