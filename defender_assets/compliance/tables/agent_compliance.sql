-- agent_compliance: is the Defender agent supported, is its antivirus up to date, does the sensor work.
--
-- Reads: machines, device_identity, av_health, agent_releases (the last two may be empty), policy_settings,
-- policy_releases, policy_agent_failures.
-- Rules: Microsoft's antivirus health report (three states, seven days, three days of grace) and support policies.

WITH
-- 1. THE RELEASE OF EACH AGENT ------------------------------------------------------------------------------------------
-- Versions compare as tuples of integers, never as text: release_key is the release with every number padded to twelve
-- digits, so that the order of keys is the order of tuples (and a tuple that goes on comes after one that ends).
devices AS (
  SELECT
    d.device_id,
    d.population,
    d.platform_family,
    lower(d.health_status) AS health_status,
    d.as_of,
    m.agent_version,
    CASE d.platform_family
      -- 10.8760.22631.4317: the second number orders the sensor's releases, the rest is the operating system's build.
      WHEN 'windows' THEN nullif(regexp_extract(m.agent_version, '^10[.]([0-9]{1,9})([.].*)?$', 1), '')
      -- 20.1YYMMx.N.0; the app's own spelling is 101.YYMMx.N
      WHEN 'macos' THEN nullif(
        regexp_extract(m.agent_version, '^(?:20[.]1|101[.])([0-9]{2}(?:0[1-9]|1[0-2]))[0-9](?:[.].*)?$', 1), ''
      )
      -- 30.1YYMMx.N.0; the app's own spelling is 101.YYMMx.N
      WHEN 'linux' THEN nullif(
        regexp_extract(m.agent_version, '^(?:30[.]1|101[.])([0-9]{2}(?:0[1-9]|1[0-2]))[0-9](?:[.].*)?$', 1), ''
      )
      -- The whole version, of at most six numbers.
      ELSE nullif(regexp_extract(m.agent_version, '^([0-9]{1,12}(?:[.][0-9]{1,12}){0,5})$', 1), '')
    END AS release
  FROM device_identity AS d
  INNER JOIN machines AS m ON m.id = d.device_id
),
agents AS (
  SELECT
    device_id,
    population,
    platform_family,
    health_status,
    as_of,
    agent_version,
    -- On Windows the number itself: leading zeros mean nothing.
    CASE WHEN platform_family = 'windows' THEN CAST(CAST(release AS BIGINT) AS VARCHAR) ELSE release END AS agent_release,
    CASE
      WHEN release IS NULL THEN NULL
      ELSE concat(
        lpad(split_part(release, '.', 1), 12, '0'),
        CASE WHEN split_part(release, '.', 2) <> '' THEN lpad(split_part(release, '.', 2), 12, '0') ELSE '' END,
        CASE WHEN split_part(release, '.', 3) <> '' THEN lpad(split_part(release, '.', 3), 12, '0') ELSE '' END,
        CASE WHEN split_part(release, '.', 4) <> '' THEN lpad(split_part(release, '.', 4), 12, '0') ELSE '' END,
        CASE WHEN split_part(release, '.', 5) <> '' THEN lpad(split_part(release, '.', 5), 12, '0') ELSE '' END,
        CASE WHEN split_part(release, '.', 6) <> '' THEN lpad(split_part(release, '.', 6), 12, '0') ELSE '' END
      )
    END AS release_key
  FROM devices
),

-- 2. WHICH RELEASES ARE KNOWN, AND WHICH IS THE NEWEST --------------------------------------------------------------------
-- From the catalogue where it has releases of the platform that were out at as_of; else from what eligible devices run.
snapshot AS (
  SELECT max(as_of) AS as_of FROM device_identity
),
catalogue AS (
  SELECT r.component, r.release, r.released_at, s.as_of
  FROM (
    SELECT component, release, released_at FROM agent_releases
    UNION ALL
    SELECT component, release, released_at FROM policy_releases
  ) AS r
  CROSS JOIN snapshot AS s
  WHERE (r.released_at IS NULL OR r.released_at <= s.as_of) AND regexp_matches(r.release, '^[0-9]{1,12}$')
),
catalogue_agents AS (
  SELECT DISTINCT
    CASE component
      WHEN 'agent_windows' THEN 'windows' WHEN 'agent_macos' THEN 'macos' WHEN 'agent_linux' THEN 'linux'
    END AS platform_family,
    release AS agent_release,
    lpad(release, 12, '0') AS release_key
  FROM catalogue
  WHERE component IN ('agent_windows', 'agent_macos', 'agent_linux')
),
families AS (
  SELECT platform_family, count(*) AS eligible_devices
  FROM agents
  WHERE population = 'eligible'
  GROUP BY platform_family
),
fleet_agents AS (
  SELECT platform_family, release_key, max(agent_release) AS agent_release, count(*) AS devices
  FROM agents
  WHERE population = 'eligible' AND release_key IS NOT NULL
  GROUP BY platform_family, release_key
),
known_releases AS (
  SELECT platform_family, release_key, max(agent_release) AS agent_release, TRUE AS can_be_newest
  FROM catalogue_agents
  GROUP BY platform_family, release_key
  UNION ALL
  SELECT
    f.platform_family,
    f.release_key,
    f.agent_release,
    -- A release that hardly anything runs yet (or that one device reports by mistake) is not what the rest is measured by.
    CAST(100 * f.devices AS DOUBLE) >= p.newest_release_min_share_pct * n.eligible_devices AS can_be_newest
  FROM fleet_agents AS f
  INNER JOIN families AS n ON n.platform_family = f.platform_family
  CROSS JOIN policy_settings AS p
  LEFT JOIN (SELECT DISTINCT platform_family FROM catalogue_agents) AS c ON c.platform_family = f.platform_family
  WHERE c.platform_family IS NULL
),
newest_agents AS (
  SELECT platform_family, max(release_key) AS release_key, max_by(agent_release, release_key) AS newest_release
  FROM known_releases
  WHERE can_be_newest
  GROUP BY platform_family
),
-- For each release that occurs: how many known releases come after it, up to the newest.
behind AS (
  SELECT a.platform_family, a.release_key, count(k.release_key) AS releases_behind
  FROM (SELECT DISTINCT platform_family, release_key FROM agents WHERE release_key IS NOT NULL) AS a
  LEFT JOIN newest_agents AS n ON n.platform_family = a.platform_family
  LEFT JOIN known_releases AS k
    ON k.platform_family = a.platform_family AND k.release_key > a.release_key AND k.release_key <= n.release_key
  GROUP BY a.platform_family, a.release_key
),

-- 3. ANTIVIRUS ----------------------------------------------------------------------------------------------------------
-- The month is the third number of engine (1.1.26090.x) and platform (4.18.26090.x).
av AS (
  SELECT
    machine_id,
    av_mode,
    TRY_CAST(nullif(regexp_extract(av_engine_version, '^[0-9]+[.][0-9]+[.]([0-9]{1,9})([.].*)?$', 1), '') AS BIGINT)
      AS engine_month,
    TRY_CAST(nullif(regexp_extract(av_platform_version, '^[0-9]+[.][0-9]+[.]([0-9]{1,9})([.].*)?$', 1), '') AS BIGINT)
      AS platform_month,
    av_signature_publish_time,
    coalesce(av_signature_data_refresh_time, data_refresh_timestamp) AS refreshed_at,
    lower(CAST(av_is_engine_up_to_date AS VARCHAR)) AS microsoft_engine,
    lower(CAST(av_is_platform_up_to_date AS VARCHAR)) AS microsoft_platform,
    lower(CAST(av_is_signature_up_to_date AS VARCHAR)) AS microsoft_intelligence
  FROM (
    -- One row per device; should there be several, the one received last.
    SELECT
      *,
      row_number() OVER (
        PARTITION BY machine_id
        ORDER BY coalesce(av_signature_data_refresh_time, data_refresh_timestamp) DESC NULLS LAST, id
      ) AS rank
    FROM av_health
  ) AS ranked
  WHERE rank = 1
),
av_months AS (
  SELECT 'av_engine' AS component, v.engine_month AS month
  FROM av AS v
  INNER JOIN agents AS a ON a.device_id = v.machine_id
  WHERE a.population = 'eligible' AND a.platform_family = 'windows' AND v.engine_month IS NOT NULL
  UNION ALL
  SELECT 'av_platform' AS component, v.platform_month AS month
  FROM av AS v
  INNER JOIN agents AS a ON a.device_id = v.machine_id
  WHERE a.population = 'eligible' AND a.platform_family = 'windows' AND v.platform_month IS NOT NULL
),
av_shares AS (
  SELECT component, month, count(*) AS devices FROM av_months GROUP BY component, month
),
fleet_months AS (
  SELECT s.component, max(s.month) AS month
  FROM av_shares AS s
  CROSS JOIN policy_settings AS p
  INNER JOIN families AS n ON n.platform_family = 'windows'
  WHERE CAST(100 * s.devices AS DOUBLE) >= p.newest_release_min_share_pct * n.eligible_devices
  GROUP BY s.component
),
-- A release of the catalogue counts from some days after it came out.
catalogue_months AS (
  SELECT c.component, max(CAST(c.release AS BIGINT)) AS month
  FROM catalogue AS c
  CROSS JOIN policy_settings AS p
  WHERE c.component IN ('av_engine', 'av_platform')
    AND (c.released_at IS NULL OR c.released_at + INTERVAL 1 DAY * p.av_release_grace_days < c.as_of)
  GROUP BY c.component
),
newest_months AS (
  SELECT
    coalesce(
      (SELECT max(month) FROM catalogue_months WHERE component = 'av_engine'),
      (SELECT max(month) FROM fleet_months WHERE component = 'av_engine')
    ) AS engine_month,
    coalesce(
      (SELECT max(month) FROM catalogue_months WHERE component = 'av_platform'),
      (SELECT max(month) FROM fleet_months WHERE component = 'av_platform')
    ) AS platform_month
),

-- 4. STATES -------------------------------------------------------------------------------------------------------------
measured AS (
  SELECT
    a.*,
    n.newest_release,
    b.releases_behind,
    CASE
      WHEN a.platform_family IN ('macos', 'linux') AND a.agent_release IS NOT NULL
        THEN extract(YEAR FROM a.as_of) * 12 + extract(MONTH FROM a.as_of)
          - (2000 + CAST(substr(a.agent_release, 1, 2) AS BIGINT)) * 12 - CAST(substr(a.agent_release, 3, 2) AS BIGINT)
    END AS agent_age_months,
    v.av_mode,
    v.engine_month,
    v.platform_month,
    v.av_signature_publish_time,
    w.engine_month AS newest_engine_month,
    w.platform_month AS newest_platform_month,
    v.microsoft_engine,
    v.microsoft_platform,
    v.microsoft_intelligence,
    p.windows_max_releases_behind,
    p.macos_expires_after_months,
    p.linux_expires_after_months,
    p.av_intelligence_max_days,
    -- No row, no refresh time, or one older than the limit: nothing can be said.
    coalesce(v.refreshed_at >= a.as_of - INTERVAL 1 DAY * p.av_refresh_max_days, FALSE) AS is_fresh
  FROM agents AS a
  CROSS JOIN policy_settings AS p
  CROSS JOIN newest_months AS w
  LEFT JOIN newest_agents AS n ON n.platform_family = a.platform_family
  LEFT JOIN behind AS b ON b.platform_family = a.platform_family AND b.release_key = a.release_key
  LEFT JOIN av AS v ON v.machine_id = a.device_id
),
states AS (
  SELECT
    device_id,
    population,
    platform_family,
    as_of,
    agent_version,
    agent_release,
    newest_release,
    releases_behind,
    agent_age_months,
    av_mode,
    CASE
      WHEN agent_release IS NULL THEN 'unknown'
      WHEN platform_family = 'windows' AND releases_behind > windows_max_releases_behind THEN 'unsupported'
      WHEN platform_family = 'linux' AND agent_age_months >= linux_expires_after_months THEN 'unsupported'
      WHEN platform_family = 'macos' AND agent_age_months >= macos_expires_after_months THEN 'unsupported'
      WHEN releases_behind >= 1 THEN 'behind'
      ELSE 'current'
    END AS agent_state,
    CASE
      WHEN platform_family <> 'windows' THEN 'not_applicable'
      WHEN NOT is_fresh OR engine_month IS NULL OR newest_engine_month IS NULL THEN 'unknown'
      WHEN engine_month >= newest_engine_month THEN 'up_to_date'
      ELSE 'out_of_date'
    END AS engine_state,
    CASE
      WHEN platform_family <> 'windows' THEN 'not_applicable'
      WHEN NOT is_fresh OR platform_month IS NULL OR newest_platform_month IS NULL THEN 'unknown'
      WHEN platform_month >= newest_platform_month THEN 'up_to_date'
      ELSE 'out_of_date'
    END AS platform_state,
    CASE
      WHEN platform_family <> 'windows' THEN 'not_applicable'
      WHEN NOT is_fresh THEN 'unknown'
      WHEN av_signature_publish_time >= as_of - INTERVAL 1 DAY * av_intelligence_max_days THEN 'up_to_date'
      -- Not known to have been published within the limit, a missing publish time included.
      ELSE 'out_of_date'
    END AS intelligence_state,
    CASE microsoft_engine WHEN 'true' THEN 'up_to_date' WHEN 'false' THEN 'out_of_date' ELSE 'unknown' END
      AS microsoft_engine_state,
    CASE microsoft_platform WHEN 'true' THEN 'up_to_date' WHEN 'false' THEN 'out_of_date' ELSE 'unknown' END
      AS microsoft_platform_state,
    CASE microsoft_intelligence WHEN 'true' THEN 'up_to_date' WHEN 'false' THEN 'out_of_date' ELSE 'unknown' END
      AS microsoft_intelligence_state,
    CASE
      WHEN health_status = 'active' THEN 'healthy'
      WHEN health_status = 'inactive' THEN 'inactive'
      WHEN health_status IN ('impairedcommunication', 'nosensordata', 'nosensordataimpairedcommunication') THEN 'impaired'
      ELSE 'unknown'
    END AS sensor_state
  FROM measured
),

-- 5. THE VERDICT, AND WHY -----------------------------------------------------------------------------------------------
-- What the policy lets fail a device, one row each.
failures AS (
  SELECT h.device_id, h.reason
  FROM (
    SELECT device_id, 'agent_unsupported' AS reason FROM states WHERE agent_state = 'unsupported'
    UNION ALL
    SELECT device_id, 'agent_behind' AS reason FROM states WHERE agent_state = 'behind'
    UNION ALL
    SELECT device_id, 'engine_out_of_date' AS reason FROM states WHERE engine_state = 'out_of_date'
    UNION ALL
    SELECT device_id, 'platform_out_of_date' AS reason FROM states WHERE platform_state = 'out_of_date'
    UNION ALL
    SELECT device_id, 'intelligence_out_of_date' AS reason FROM states WHERE intelligence_state = 'out_of_date'
    UNION ALL
    SELECT device_id, 'sensor_impaired' AS reason FROM states WHERE sensor_state = 'impaired'
    UNION ALL
    SELECT device_id, 'sensor_inactive' AS reason FROM states WHERE sensor_state = 'inactive'
  ) AS h
  INNER JOIN policy_agent_failures AS f ON f.reason = h.reason
),
verdicts AS (
  SELECT
    s.*,
    CASE
      WHEN s.population <> 'eligible' THEN 'unknown'
      WHEN f.device_id IS NOT NULL THEN 'noncompliant'
      WHEN s.agent_state = 'unknown' THEN 'unknown'
      ELSE 'compliant'
    END AS verdict
  FROM states AS s
  LEFT JOIN (SELECT DISTINCT device_id FROM failures) AS f ON f.device_id = s.device_id
),
explained AS (
  SELECT device_id, list_sort(list(reason)) AS reasons
  FROM (
    SELECT device_id, concat('population_', population) AS reason FROM verdicts WHERE population <> 'eligible'
    UNION ALL
    SELECT v.device_id, f.reason
    FROM verdicts AS v INNER JOIN failures AS f ON f.device_id = v.device_id
    WHERE v.verdict = 'noncompliant'
    UNION ALL
    SELECT device_id, 'agent_unknown' AS reason FROM verdicts WHERE population = 'eligible' AND verdict = 'unknown'
  ) AS told
  GROUP BY device_id
)

SELECT
  v.device_id,
  v.population,
  v.platform_family,
  v.agent_version,
  v.agent_release,
  v.newest_release,
  v.releases_behind,
  v.agent_age_months,
  v.agent_state,
  v.av_mode,
  v.engine_state,
  v.platform_state,
  v.intelligence_state,
  v.microsoft_engine_state,
  v.microsoft_platform_state,
  v.microsoft_intelligence_state,
  -- Both have to say something, and the opposite.
  (v.engine_state = 'up_to_date' AND v.microsoft_engine_state = 'out_of_date')
  OR (v.engine_state = 'out_of_date' AND v.microsoft_engine_state = 'up_to_date')
  OR (v.platform_state = 'up_to_date' AND v.microsoft_platform_state = 'out_of_date')
  OR (v.platform_state = 'out_of_date' AND v.microsoft_platform_state = 'up_to_date')
  OR (v.intelligence_state = 'up_to_date' AND v.microsoft_intelligence_state = 'out_of_date')
  OR (v.intelligence_state = 'out_of_date' AND v.microsoft_intelligence_state = 'up_to_date') AS disagrees,
  v.sensor_state,
  v.verdict,
  coalesce(e.reasons, []) AS reasons,
  v.as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM verdicts AS v
LEFT JOIN explained AS e ON e.device_id = v.device_id
ORDER BY v.device_id
