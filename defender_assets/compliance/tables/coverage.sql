-- coverage: of the devices that the service knows, which are protected, and what the others lack.
--
-- Reads: device_identity, machines, av_health (may be empty), policy_settings.
--
-- A record that was merged into another, or duplicates one, is no device of its own and has no row. Nothing that is
-- missing protects: what the service does not say is a gap of its own.

WITH
-- One report per device; should there be several, the one received last.
reports AS (
  SELECT machine_id, av_mode, refreshed_at
  FROM (
    SELECT
      machine_id,
      av_mode,
      coalesce(av_signature_data_refresh_time, data_refresh_timestamp) AS refreshed_at,
      row_number() OVER (
        PARTITION BY machine_id
        ORDER BY coalesce(av_signature_data_refresh_time, data_refresh_timestamp) DESC NULLS LAST, id
      ) AS rank
    FROM av_health
  ) AS ranked
  WHERE rank = 1
),
inputs AS (
  SELECT coalesce(absent_inputs LIKE '%av_health%', FALSE) AS lacks_av_health FROM input_state
),
devices AS (
  SELECT
    d.device_id,
    d.device_name,
    d.platform_family,
    d.os_platform,
    d.population,
    d.rbac_group_id,
    d.rbac_group_name,
    d.onboarding_status,
    lower(trim(d.onboarding_status)) AS onboarding,
    m.last_ip_address,
    lower(m.last_ip_address) AS address,
    m.first_seen,
    d.last_seen,
    -- A clock that is more than a day ahead says nothing.
    CASE WHEN d.last_seen <= d.as_of + INTERVAL 1 DAY THEN d.last_seen END AS believed_seen,
    CASE
      WHEN lower(trim(d.health_status)) = 'active' THEN 'healthy'
      WHEN lower(trim(d.health_status)) = 'inactive' THEN 'inactive'
      WHEN lower(trim(d.health_status)) IN ('impairedcommunication', 'nosensordata', 'nosensordataimpairedcommunication')
        THEN 'impaired'
      ELSE 'unknown'
    END AS sensor_state,
    -- Antivirus is judged on Windows alone: of other systems the service does not tell enough. A device whose system is
    -- not known may be one.
    d.platform_family = 'windows' AS is_windows,
    coalesce(trim(d.os_platform), '') = '' AS is_unknown_platform,
    coalesce(lower(trim(d.onboarding_status)) = 'onboarded', FALSE) AS is_onboarded,
    r.machine_id IS NOT NULL AS has_report,
    -- A report that a wrong clock dates is no fresh one, as in agent_compliance.
    coalesce(
      r.refreshed_at >= d.as_of - INTERVAL 1 DAY * p.av_refresh_max_days AND r.refreshed_at <= d.as_of + INTERVAL 1 DAY,
      FALSE
    ) AS has_fresh_report,
    CASE r.av_mode
      WHEN '0' THEN 'active'
      WHEN '1' THEN 'passive'
      WHEN '2' THEN 'disabled'
      WHEN '3' THEN 'other'
      WHEN '4' THEN 'edr_blocked'
      WHEN '5' THEN 'passive_audit'
    END AS av_mode,
    p.coverage_not_seen_days,
    i.lacks_av_health,
    d.as_of
  FROM device_identity AS d
  INNER JOIN machines AS m ON m.id = d.device_id
  CROSS JOIN policy_settings AS p
  CROSS JOIN inputs AS i
  LEFT JOIN reports AS r ON r.machine_id = d.device_id
  WHERE d.population NOT IN ('merged', 'duplicate')
),

-- What each device lacks, and what that makes of its protection: unprotected, unknown or partly.
gaps AS (
  SELECT device_id, 'can_be_onboarded' AS gap, 'unprotected' AS makes FROM devices WHERE onboarding = 'canbeonboarded'
  UNION ALL
  SELECT device_id, 'onboarding_unsupported', 'unprotected' FROM devices WHERE onboarding = 'unsupported'
  UNION ALL
  SELECT device_id, 'insufficient_info', 'unprotected' FROM devices WHERE onboarding = 'insufficientinfo'
  UNION ALL
  SELECT device_id, 'not_onboarded', 'unprotected' FROM devices
  WHERE NOT is_onboarded AND onboarding <> '' AND onboarding NOT IN ('canbeonboarded', 'unsupported', 'insufficientinfo')
  UNION ALL
  SELECT device_id, 'onboarding_unknown', 'unknown' FROM devices WHERE coalesce(onboarding, '') = ''
  UNION ALL
  SELECT device_id, 'not_seen', 'unprotected' FROM devices
  WHERE is_onboarded AND believed_seen < as_of - INTERVAL 1 DAY * coverage_not_seen_days
  UNION ALL
  SELECT device_id, 'last_seen_unknown', 'unknown' FROM devices WHERE is_onboarded AND believed_seen IS NULL
  UNION ALL
  SELECT device_id, 'platform_unknown', 'unknown' FROM devices WHERE is_onboarded AND is_unknown_platform
  UNION ALL
  SELECT device_id, 'sensor_impaired', 'partly' FROM devices WHERE is_onboarded AND sensor_state = 'impaired'
  UNION ALL
  SELECT device_id, 'sensor_inactive', 'partly' FROM devices WHERE is_onboarded AND sensor_state = 'inactive'
  UNION ALL
  SELECT device_id, 'sensor_unknown', 'unknown' FROM devices WHERE is_onboarded AND sensor_state = 'unknown'
  UNION ALL
  SELECT device_id, 'antivirus_passive', 'partly' FROM devices
  WHERE is_onboarded AND is_windows AND av_mode IN ('passive', 'passive_audit', 'edr_blocked')
  UNION ALL
  SELECT device_id, 'antivirus_disabled', 'partly' FROM devices
  WHERE is_onboarded AND is_windows AND av_mode = 'disabled'
  UNION ALL
  SELECT device_id, 'antivirus_mode_unknown', 'unknown' FROM devices
  WHERE is_onboarded AND is_windows AND has_report AND coalesce(av_mode, 'other') = 'other'
  UNION ALL
  -- With the table absent no device is known to report or not to.
  SELECT device_id, 'antivirus_unknown', 'unknown' FROM devices WHERE is_onboarded AND is_windows AND lacks_av_health
  UNION ALL
  SELECT device_id, 'no_antivirus_report', 'partly' FROM devices
  WHERE is_onboarded AND is_windows AND NOT has_fresh_report AND NOT lacks_av_health
),
judged AS (
  SELECT
    device_id,
    list_sort(list(gap)) AS gaps,
    bool_or(makes = 'unprotected') AS is_unprotected,
    bool_or(makes = 'unknown') AS is_unknown
  FROM gaps
  GROUP BY device_id
),

-- The subnet: the first three numbers of an IPv4 address, the first four groups of an IPv6 address. Loopback and
-- link-local addresses belong to none.
addresses AS (
  SELECT
    device_id,
    nullif(regexp_extract(address, '^(?:::ffff:)?([0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3})[.][0-9]{1,3}$', 1), '') AS ipv4,
    -- Without a zone (%eth0). What precedes '::' and what follows it; all of it where there is no '::'.
    nullif(regexp_extract(address, '^([0-9a-f:]*:[0-9a-f:]*)(?:%.*)?$', 1), '') AS ipv6
  FROM devices
),
parts AS (
  SELECT
    device_id,
    ipv4,
    ipv6,
    split_part(ipv6, '::', 1) AS head,
    split_part(ipv6, '::', 2) AS tail,
    ipv6 LIKE '%::%' AS is_short
  FROM addresses
),
counted_groups AS (
  SELECT
    *,
    CASE WHEN head = '' THEN 0 ELSE length(head) - length(replace(head, ':', '')) + 1 END AS head_groups,
    CASE WHEN tail = '' THEN 0 ELSE length(tail) - length(replace(tail, ':', '')) + 1 END AS tail_groups
  FROM parts
),
-- The groups that '::' stands for are zeros: an address has eight.
whole_groups AS (
  SELECT
    *,
    CASE
      WHEN NOT is_short AND head_groups = 8 THEN head
      WHEN is_short AND head_groups + tail_groups < 8
        THEN concat(
          CASE WHEN head = '' THEN '' ELSE concat(head, ':') END,
          repeat('0:', 8 - head_groups - tail_groups),
          tail
        )
    END AS expanded
  FROM counted_groups
),
subnets AS (
  SELECT
    device_id,
    CASE
      WHEN split_part(ipv4, '.', 1) IN ('0', '127') THEN NULL
      WHEN split_part(ipv4, '.', 1) = '169' AND split_part(ipv4, '.', 2) = '254' THEN NULL
      WHEN ipv4 IS NOT NULL THEN concat(ipv4, '.0/24')
      WHEN expanded LIKE 'fe8%' OR expanded LIKE 'fe9%' OR expanded LIKE 'fea%' OR expanded LIKE 'feb%' THEN NULL
      WHEN ipv6 IN ('::', '::1') THEN NULL
      WHEN expanded IS NOT NULL
        THEN concat(
          -- Leading zeros mean nothing, and groups of zeros at the end are what '::' says.
          regexp_replace(
            concat_ws(
              ':',
              coalesce(nullif(ltrim(split_part(expanded, ':', 1), '0'), ''), '0'),
              coalesce(nullif(ltrim(split_part(expanded, ':', 2), '0'), ''), '0'),
              coalesce(nullif(ltrim(split_part(expanded, ':', 3), '0'), ''), '0'),
              coalesce(nullif(ltrim(split_part(expanded, ':', 4), '0'), ''), '0')
            ),
            '(:0)+$',
            ''
          ),
          '::/64'
        )
    END AS subnet
  FROM whole_groups
)

SELECT
  d.device_id,
  d.device_name,
  d.platform_family,
  d.os_platform,
  d.population,
  d.rbac_group_id,
  d.rbac_group_name,
  d.onboarding_status,
  s.subnet,
  d.first_seen,
  d.last_seen,
  CASE
    WHEN d.believed_seen > d.as_of THEN 0
    ELSE date_diff('microsecond', d.believed_seen, d.as_of) // 86400000000
  END AS days_silent,
  d.sensor_state,
  d.av_mode,
  CASE
    WHEN j.is_unprotected THEN 'unprotected'
    WHEN j.is_unknown THEN 'unknown'
    WHEN j.device_id IS NOT NULL THEN 'partly'
    ELSE 'protected'
  END AS protection,
  coalesce(j.gaps, []) AS gaps,
  d.as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM devices AS d
INNER JOIN subnets AS s ON s.device_id = d.device_id
LEFT JOIN judged AS j ON j.device_id = d.device_id
ORDER BY d.device_id
