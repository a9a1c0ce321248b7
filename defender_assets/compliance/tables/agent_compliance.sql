-- agent_compliance: is the Defender agent supported, is its antivirus up to date, does the sensor work.
--
-- Reads: machines, device_identity, av_health, agent_releases (the last two may be empty), policy_settings,
-- policy_releases, policy_agent_failures.
-- Devices that a scope left out are counted with the fleet, by releases_out_of_scope: which release is the newest is a
-- question about the whole tenant.
-- Rules: Microsoft's antivirus health report (three states, seven days, three days of grace) and support policies.

WITH
-- 1. WHAT EACH DEVICE RUNS ----------------------------------------------------------------------------------------------
-- A build of a month that has not come, with two to spare, is misread or misreported: it is not known, and certainly not
-- the newest. As YYMM.
months AS (
  SELECT extract(YEAR FROM later) % 100 * 100 + extract(MONTH FROM later) AS last_month
  FROM (SELECT max(as_of) + INTERVAL 1 MONTH + INTERVAL 1 MONTH AS later FROM device_identity) AS moment
),
-- Each record, and of those out of the scope so many of each version; they have no device_id.
machines_and_rest AS (
  SELECT
    d.device_id, d.population, d.platform_family, lower(trim(d.health_status)) AS health_status, d.as_of, m.agent_version,
    1 AS devices
  FROM device_identity AS d
  INNER JOIN machines AS m ON m.id = d.device_id
  UNION ALL
  SELECT NULL, 'eligible', platform_family, NULL, NULL, version, devices
  FROM releases_out_of_scope
  WHERE component = 'agent'
),
devices AS (
  SELECT
    d.device_id,
    d.population,
    d.platform_family,
    d.health_status,
    d.as_of,
    d.agent_version,
    d.devices,
    CASE d.platform_family
      -- 10.8760.22631.4317: the second number orders the sensor's releases, the rest is the operating system's build.
      WHEN 'windows' THEN nullif(regexp_extract(d.agent_version, '^10[.]([0-9]{1,9})([.].*)?$', 1), '')
      -- 20.1YYMMx.N.0; the app's own spelling is 101.YYMMx.N
      WHEN 'macos' THEN nullif(
        regexp_extract(d.agent_version, '^(?:20[.]1|101[.])([0-9]{2}(?:0[1-9]|1[0-2]))[0-9](?:[.].*)?$', 1), ''
      )
      -- 30.1YYMMx.N.0; the app's own spelling is 101.YYMMx.N
      WHEN 'linux' THEN nullif(
        regexp_extract(d.agent_version, '^(?:30[.]1|101[.])([0-9]{2}(?:0[1-9]|1[0-2]))[0-9](?:[.].*)?$', 1), ''
      )
      -- The whole version, of at most six numbers.
      ELSE nullif(regexp_extract(d.agent_version, '^([0-9]{1,12}(?:[.][0-9]{1,12}){0,5})$', 1), '')
    END AS release,
    -- The app was numbered 100.NN.NN and 101.NN.NN (101.98.64) until mid-2023, when 101.YYMMx.N began: shorter numbers
    -- are older builds, whose month is not told. In the API's spelling the month is six digits (20.123032) ever since
    -- 2020, so what has fewer than five is older still.
    coalesce(
      CASE d.platform_family
        WHEN 'macos' THEN regexp_extract(
          d.agent_version, '^(100[.][0-9]{1,9}|101[.][0-9]{1,3}|20[.][0-9]{1,4})([.].*)?$', 1
        ) <> ''
        WHEN 'linux' THEN regexp_extract(
          d.agent_version, '^(100[.][0-9]{1,9}|101[.][0-9]{1,3}|30[.][0-9]{1,4})([.].*)?$', 1
        ) <> ''
      END,
      FALSE
    ) AS is_before_months
  FROM machines_and_rest AS d
),
agents AS (
  SELECT
    device_id,
    population,
    platform_family,
    concat('agent_', platform_family) AS component,
    health_status,
    as_of,
    agent_version,
    devices,
    is_before_months,
    CASE
      -- The number itself: leading zeros mean nothing.
      WHEN platform_family = 'windows' THEN CAST(TRY_CAST(release AS BIGINT) AS VARCHAR)
      WHEN platform_family IN ('macos', 'linux') AND TRY_CAST(release AS BIGINT) > last_month THEN NULL
      ELSE release
    END AS agent_release
  FROM devices
  CROSS JOIN months
),
-- One row per device; should there be several, the one received last. Of those out of the scope, so many of each version.
reported AS (
  SELECT
    machine_id,
    av_mode,
    av_engine_version,
    av_platform_version,
    av_signature_version,
    av_signature_publish_time,
    coalesce(av_signature_data_refresh_time, data_refresh_timestamp) AS refreshed_at,
    lower(CAST(av_is_engine_up_to_date AS VARCHAR)) AS microsoft_engine,
    lower(CAST(av_is_platform_up_to_date AS VARCHAR)) AS microsoft_platform,
    lower(CAST(av_is_signature_up_to_date AS VARCHAR)) AS microsoft_intelligence,
    CAST(NULL AS BIGINT) AS devices
  FROM (
    SELECT
      *,
      row_number() OVER (
        PARTITION BY machine_id
        ORDER BY coalesce(av_signature_data_refresh_time, data_refresh_timestamp) DESC NULLS LAST, id
      ) AS rank
    FROM av_health
  ) AS ranked
  WHERE rank = 1
  UNION ALL
  SELECT
    NULL,
    NULL,
    CASE WHEN component = 'av_engine' THEN version END,
    CASE WHEN component = 'av_platform' THEN version END,
    CASE WHEN component = 'av_intelligence' THEN version END,
    NULL, NULL, NULL, NULL, NULL,
    devices
  FROM releases_out_of_scope
  WHERE component <> 'agent'
),
av AS (
  SELECT
    machine_id,
    av_mode,
    devices,
    -- YYMM and a digit, in older versions YYMM alone.
    CASE WHEN engine_month // CASE WHEN engine_month < 10000 THEN 1 ELSE 10 END <= last_month THEN CAST(engine_month AS VARCHAR) END
      AS engine_release,
    CASE WHEN platform_month // CASE WHEN platform_month < 10000 THEN 1 ELSE 10 END <= last_month THEN CAST(platform_month AS VARCHAR) END
      AS platform_release,
    av_signature_version,
    nullif(regexp_extract(av_signature_version, '^([0-9]{1,12}(?:[.][0-9]{1,12}){1,5})$', 1), '') AS intelligence_release,
    av_signature_publish_time,
    refreshed_at,
    microsoft_engine,
    microsoft_platform,
    microsoft_intelligence
  FROM (
    -- The month is the third number of engine (1.1.26090.x) and platform (4.18.26090.x).
    SELECT
      *,
      TRY_CAST(nullif(regexp_extract(av_engine_version, '^[0-9]+[.][0-9]+[.]([0-9]{1,9})([.].*)?$', 1), '') AS BIGINT)
        AS engine_month,
      TRY_CAST(nullif(regexp_extract(av_platform_version, '^[0-9]+[.][0-9]+[.]([0-9]{1,9})([.].*)?$', 1), '') AS BIGINT)
        AS platform_month
    FROM reported
  ) AS numbered
  CROSS JOIN months
),
-- What is run, component by component; of the antivirus on Windows alone.
running AS (
  SELECT population, component, agent_release AS release, devices FROM agents
  UNION ALL
  SELECT a.population, 'av_engine' AS component, v.engine_release AS release, 1 AS devices
  FROM agents AS a INNER JOIN av AS v ON v.machine_id = a.device_id
  WHERE a.platform_family = 'windows'
  UNION ALL
  SELECT a.population, 'av_platform' AS component, v.platform_release AS release, 1 AS devices
  FROM agents AS a INNER JOIN av AS v ON v.machine_id = a.device_id
  WHERE a.platform_family = 'windows'
  UNION ALL
  SELECT a.population, 'av_intelligence' AS component, v.intelligence_release AS release, 1 AS devices
  FROM agents AS a INNER JOIN av AS v ON v.machine_id = a.device_id
  WHERE a.platform_family = 'windows'
  UNION ALL
  SELECT 'eligible', 'av_engine', engine_release, devices FROM av WHERE machine_id IS NULL AND devices IS NOT NULL
  UNION ALL
  SELECT 'eligible', 'av_platform', platform_release, devices FROM av WHERE machine_id IS NULL AND devices IS NOT NULL
  UNION ALL
  SELECT 'eligible', 'av_intelligence', intelligence_release, devices
  FROM av
  WHERE machine_id IS NULL AND devices IS NOT NULL
),

-- 2. WHICH RELEASES ARE LISTED ------------------------------------------------------------------------------------------
-- By public feeds, by dated files and pages, by the policy. The policy's own list is as old as its author says: it counts.
snapshot AS (
  SELECT max(as_of) AS as_of FROM device_identity
),
sources AS (
  SELECT
    component,
    -- Intelligence by its version, which is what a device reports.
    CASE WHEN component = 'av_intelligence' THEN version ELSE release END AS release,
    released_at,
    -- Partitions that were written before listed_at was kept hold no list that was too old then.
    max(coalesce(listed_at, observed_at)) OVER (PARTITION BY component, feed) AS current_at,
    feed <> 'file' AS is_feed,
    FALSE AS is_policy
  FROM agent_releases
  UNION ALL
  SELECT component, release, released_at, CAST(NULL AS TIMESTAMPTZ) AS current_at, FALSE AS is_feed, TRUE AS is_policy
  FROM policy_releases
),
-- Sources that nobody looked at for long may have stopped. One that is current vouches for its component.
dated AS (
  SELECT
    r.*,
    s.as_of,
    coalesce(r.current_at >= s.as_of - INTERVAL 1 DAY * p.releases_max_days, FALSE) AS is_current
  FROM sources AS r
  CROSS JOIN snapshot AS s
  CROSS JOIN policy_settings AS p
),
fresh AS (
  SELECT DISTINCT component FROM dated WHERE is_current
),
listed AS (
  SELECT
    r.component,
    r.release,
    -- Of several dates the earliest is the most exact: where only the month is told, its last day stands for it.
    min(r.released_at) AS released_at,
    -- Out by now; without a date it is out because it is listed.
    bool_or(r.released_at IS NULL OR r.released_at <= r.as_of) AS is_out,
    bool_or(r.is_policy OR f.component IS NOT NULL) AS is_current,
    bool_or(r.is_feed AND r.is_current) AS is_feed
  FROM dated AS r
  LEFT JOIN fresh AS f ON f.component = r.component
  WHERE regexp_matches(r.release, '^[0-9]{1,12}([.][0-9]{1,12}){0,5}$')
    AND (r.component = 'av_intelligence' OR split_part(r.release, '.', 2) = '')
  GROUP BY r.component, r.release
),

-- 3. WHICH RELEASES ARE KNOWN, AND WHICH IS THE NEWEST --------------------------------------------------------------------
-- Versions compare as tuples of integers, never as text: release_key is the release with every number padded to twelve
-- digits, so that the order of keys is the order of tuples (and a tuple that goes on comes after one that ends).
keys AS (
  SELECT
    release,
    concat(
      lpad(split_part(release, '.', 1), 12, '0'),
      CASE WHEN split_part(release, '.', 2) <> '' THEN lpad(split_part(release, '.', 2), 12, '0') ELSE '' END,
      CASE WHEN split_part(release, '.', 3) <> '' THEN lpad(split_part(release, '.', 3), 12, '0') ELSE '' END,
      CASE WHEN split_part(release, '.', 4) <> '' THEN lpad(split_part(release, '.', 4), 12, '0') ELSE '' END,
      CASE WHEN split_part(release, '.', 5) <> '' THEN lpad(split_part(release, '.', 5), 12, '0') ELSE '' END,
      CASE WHEN split_part(release, '.', 6) <> '' THEN lpad(split_part(release, '.', 6), 12, '0') ELSE '' END
    ) AS release_key
  FROM (
    SELECT release FROM running WHERE release IS NOT NULL
    UNION
    SELECT release FROM listed
  ) AS spelled
),
catalogue AS (
  SELECT
    l.component,
    k.release_key,
    max(l.release) AS release,
    bool_or(l.is_current) AS is_current,
    bool_or(l.is_feed) AS is_feed,
    bool_or(l.is_out) AS is_out,
    -- A release of engine or platform counts from some days after it came out.
    bool_or(
      l.component IN ('av_engine', 'av_platform')
      AND l.released_at <= s.as_of
      AND l.released_at + INTERVAL 1 DAY * p.av_release_grace_days >= s.as_of
    ) AS is_in_grace
  FROM listed AS l
  INNER JOIN keys AS k ON k.release = l.release
  CROSS JOIN snapshot AS s
  CROSS JOIN policy_settings AS p
  GROUP BY l.component, k.release_key
),
families AS (
  SELECT platform_family, sum(devices) AS eligible_devices
  FROM agents
  WHERE population = 'eligible'
  GROUP BY platform_family
),
fleet AS (
  SELECT
    r.component,
    k.release_key,
    max(r.release) AS release,
    sum(r.devices) AS devices,
    sum(sum(r.devices)) OVER (PARTITION BY r.component ORDER BY k.release_key DESC) AS devices_or_later
  FROM running AS r
  INNER JOIN keys AS k ON k.release = r.release
  WHERE r.population = 'eligible'
  GROUP BY r.component, k.release_key
),
-- A release that hardly anything runs yet (or that one device reports by mistake) is not what the rest is measured by.
-- Security intelligence comes several times a day, so that devices on one version are few: later ones count with it.
common AS (
  SELECT f.component, f.release_key
  FROM fleet AS f
  INNER JOIN families AS n
    ON n.platform_family = CASE WHEN f.component LIKE 'agent_%' THEN substr(f.component, 7) ELSE 'windows' END
  CROSS JOIN policy_settings AS p
  WHERE CAST(100 * CASE WHEN f.component = 'av_intelligence' THEN f.devices_or_later ELSE f.devices END AS DOUBLE)
    >= p.newest_release_min_share_pct * n.eligible_devices
),
newest_of_fleet AS (
  SELECT component, max(release_key) AS release_key FROM common GROUP BY component
),
-- The union of what is listed and what is run. Of sources that may have stopped, only what is later than the fleet.
known AS (
  SELECT
    coalesce(c.component, f.component) AS component,
    coalesce(c.release_key, f.release_key) AS release_key,
    coalesce(c.release, f.release) AS release,
    coalesce(c.is_in_grace, FALSE) AS is_in_grace,
    coalesce(c.is_out, FALSE) OR m.release_key IS NOT NULL AS can_be_newest,
    CASE
      WHEN c.is_feed AND c.is_out THEN 'feed'
      WHEN c.is_out AND (c.is_current OR f.release_key IS NULL) THEN 'catalogue'
      ELSE 'fleet'
    END AS source
  FROM (
    SELECT l.component, l.release_key, l.release, l.is_in_grace, l.is_out, l.is_current, l.is_feed
    FROM catalogue AS l
    LEFT JOIN newest_of_fleet AS n ON n.component = l.component
    WHERE l.is_current OR n.release_key IS NULL OR l.release_key > n.release_key
  ) AS c
  FULL OUTER JOIN fleet AS f ON f.component = c.component AND f.release_key = c.release_key
  LEFT JOIN common AS m ON m.component = f.component AND m.release_key = f.release_key
  WHERE c.is_out OR f.release_key IS NOT NULL
),
-- What is in its days of grace is the newest only where nothing else is known.
newest AS (
  SELECT component, release_key, release, source
  FROM (
    SELECT
      *,
      row_number() OVER (
        PARTITION BY component ORDER BY is_in_grace, release_key DESC
      ) AS place
    FROM known
    WHERE can_be_newest
  ) AS ranked
  WHERE place = 1
),
-- For each release that occurs: how many known releases come after it, up to the newest.
behind AS (
  SELECT a.component, a.release, max(a.release_key) AS release_key, count(k.release_key) AS releases_behind
  FROM (
    SELECT DISTINCT r.component, r.release, k.release_key
    FROM running AS r INNER JOIN keys AS k ON k.release = r.release
  ) AS a
  LEFT JOIN newest AS n ON n.component = a.component
  LEFT JOIN known AS k
    ON k.component = a.component AND k.release_key > a.release_key AND k.release_key <= n.release_key
  GROUP BY a.component, a.release
),

-- 4. STATES -------------------------------------------------------------------------------------------------------------
measured AS (
  SELECT
    a.*,
    n.release AS newest_release,
    n.source AS newest_source,
    b.releases_behind,
    CASE
      WHEN a.platform_family IN ('macos', 'linux') AND a.agent_release IS NOT NULL
        THEN extract(YEAR FROM a.as_of) * 12 + extract(MONTH FROM a.as_of)
          - (2000 + TRY_CAST(substr(a.agent_release, 1, 2) AS BIGINT)) * 12
          - TRY_CAST(substr(a.agent_release, 3, 2) AS BIGINT)
    END AS agent_age_months,
    v.av_mode,
    v.av_signature_version,
    v.av_signature_publish_time,
    eb.release_key AS engine_key,
    en.release_key AS newest_engine_key,
    en.release AS newest_engine,
    en.source AS newest_engine_source,
    pb.release_key AS platform_key,
    pn.release_key AS newest_platform_key,
    pn.release AS newest_platform,
    pn.source AS newest_platform_source,
    nn.release AS newest_intelligence,
    nn.source AS newest_intelligence_source,
    ib.releases_behind AS intelligence_releases_behind,
    v.microsoft_engine,
    v.microsoft_platform,
    v.microsoft_intelligence,
    p.windows_max_releases_behind,
    p.macos_expires_after_months,
    p.linux_expires_after_months,
    p.antivirus_unknown,
    p.av_intelligence_max_days,
    -- Then the newest that the devices in the scope run may not be the newest.
    i.lacks_rest_of_fleet,
    -- Null where the policy does not judge the lag: no number, or not among the reasons that fail a device.
    CASE WHEN j.reason IS NOT NULL THEN p.av_intelligence_max_behind END AS intelligence_max_behind,
    -- No row, no refresh time, one older than the limit, or one that a wrong clock set: nothing can be said.
    coalesce(
      v.refreshed_at >= a.as_of - INTERVAL 1 DAY * p.av_refresh_max_days AND v.refreshed_at <= a.as_of + INTERVAL 1 DAY,
      FALSE
    ) AS is_fresh
  FROM agents AS a
  CROSS JOIN policy_settings AS p
  CROSS JOIN input_state AS i
  LEFT JOIN policy_agent_failures AS j ON j.reason = 'intelligence_behind'
  LEFT JOIN newest AS n ON n.component = a.component
  LEFT JOIN behind AS b ON b.component = a.component AND b.release = a.agent_release
  LEFT JOIN av AS v ON v.machine_id = a.device_id
  -- Engine, platform and intelligence: what the device runs, and the newest. Windows alone.
  LEFT JOIN newest AS en ON en.component = 'av_engine' AND a.platform_family = 'windows'
  LEFT JOIN newest AS pn ON pn.component = 'av_platform' AND a.platform_family = 'windows'
  LEFT JOIN newest AS nn ON nn.component = 'av_intelligence' AND a.platform_family = 'windows'
  LEFT JOIN behind AS eb
    ON eb.component = 'av_engine' AND eb.release = v.engine_release AND a.platform_family = 'windows'
  LEFT JOIN behind AS pb
    ON pb.component = 'av_platform' AND pb.release = v.platform_release AND a.platform_family = 'windows'
  LEFT JOIN behind AS ib
    ON ib.component = 'av_intelligence' AND ib.release = v.intelligence_release AND a.platform_family = 'windows'
  WHERE a.device_id IS NOT NULL
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
    newest_source,
    releases_behind,
    agent_age_months,
    av_mode,
    newest_engine,
    newest_engine_source,
    newest_platform,
    newest_platform_source,
    av_signature_version AS intelligence_version,
    newest_intelligence,
    newest_intelligence_source,
    intelligence_releases_behind,
    antivirus_unknown,
    intelligence_max_behind,
    lacks_rest_of_fleet,
    CASE
      WHEN is_before_months THEN 'unsupported'
      WHEN agent_release IS NULL THEN 'unknown'
      WHEN platform_family = 'windows' AND releases_behind > windows_max_releases_behind THEN 'unsupported'
      WHEN platform_family = 'linux' AND agent_age_months >= linux_expires_after_months THEN 'unsupported'
      WHEN platform_family = 'macos' AND agent_age_months >= macos_expires_after_months THEN 'unsupported'
      WHEN lacks_rest_of_fleet AND newest_source = 'fleet' AND (releases_behind = 0 OR platform_family = 'windows')
        THEN 'unknown'
      WHEN releases_behind >= 1 THEN 'behind'
      ELSE 'current'
    END AS agent_state,
    CASE
      WHEN platform_family <> 'windows' THEN 'not_applicable'
      WHEN NOT is_fresh OR engine_key IS NULL OR newest_engine_key IS NULL THEN 'unknown'
      WHEN engine_key < newest_engine_key THEN 'out_of_date'
      WHEN lacks_rest_of_fleet AND newest_engine_source = 'fleet' THEN 'unknown'
      ELSE 'up_to_date'
    END AS engine_state,
    CASE
      WHEN platform_family <> 'windows' THEN 'not_applicable'
      WHEN NOT is_fresh OR platform_key IS NULL OR newest_platform_key IS NULL THEN 'unknown'
      WHEN platform_key < newest_platform_key THEN 'out_of_date'
      WHEN lacks_rest_of_fleet AND newest_platform_source = 'fleet' THEN 'unknown'
      ELSE 'up_to_date'
    END AS platform_state,
    CASE
      WHEN platform_family <> 'windows' THEN 'not_applicable'
      -- Published more than a day from now: a clock is wrong, and nothing can be said.
      WHEN NOT is_fresh OR av_signature_publish_time > as_of + INTERVAL 1 DAY THEN 'unknown'
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
-- What is not known of the antivirus: states, and a lag that the policy judges.
unknowns AS (
  SELECT device_id, antivirus_unknown, 'engine_unknown' AS reason FROM states WHERE engine_state = 'unknown'
  UNION ALL
  SELECT device_id, antivirus_unknown, 'platform_unknown' AS reason FROM states WHERE platform_state = 'unknown'
  UNION ALL
  SELECT device_id, antivirus_unknown, 'intelligence_unknown' AS reason
  FROM states
  WHERE platform_family = 'windows' AND (
    intelligence_state = 'unknown'
    OR (
      intelligence_max_behind IS NOT NULL
      AND (
        intelligence_releases_behind IS NULL
        OR (
          lacks_rest_of_fleet AND newest_intelligence_source = 'fleet'
          AND intelligence_releases_behind <= intelligence_max_behind
        )
      )
    )
  )
),
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
    SELECT device_id, 'intelligence_behind' AS reason
    FROM states
    WHERE intelligence_state IN ('up_to_date', 'out_of_date') AND intelligence_releases_behind > intelligence_max_behind
    UNION ALL
    SELECT device_id, 'sensor_impaired' AS reason FROM states WHERE sensor_state = 'impaired'
    UNION ALL
    SELECT device_id, 'sensor_inactive' AS reason FROM states WHERE sensor_state = 'inactive'
  ) AS h
  INNER JOIN policy_agent_failures AS f ON f.reason = h.reason
  UNION ALL
  SELECT device_id, reason FROM unknowns WHERE antivirus_unknown = 'noncompliant'
),
-- What keeps a device from being called compliant, one row each.
doubts AS (
  SELECT device_id, 'agent_unknown' AS reason FROM states WHERE agent_state = 'unknown'
  UNION ALL
  SELECT device_id, reason FROM unknowns WHERE antivirus_unknown = 'unknown'
),
verdicts AS (
  SELECT
    s.*,
    CASE
      WHEN s.population <> 'eligible' THEN 'unknown'
      WHEN f.device_id IS NOT NULL THEN 'noncompliant'
      WHEN t.device_id IS NOT NULL THEN 'unknown'
      ELSE 'compliant'
    END AS verdict
  FROM states AS s
  LEFT JOIN (SELECT DISTINCT device_id FROM failures) AS f ON f.device_id = s.device_id
  LEFT JOIN (SELECT DISTINCT device_id FROM doubts) AS t ON t.device_id = s.device_id
),
given AS (
  SELECT v.device_id, f.reason
  FROM verdicts AS v INNER JOIN failures AS f ON f.device_id = v.device_id
  WHERE v.verdict = 'noncompliant'
  UNION ALL
  SELECT v.device_id, t.reason
  FROM verdicts AS v INNER JOIN doubts AS t ON t.device_id = v.device_id
  WHERE v.population = 'eligible' AND v.verdict = 'unknown'
),
explained AS (
  SELECT device_id, list_sort(list(reason)) AS reasons
  FROM (
    SELECT device_id, concat('population_', population) AS reason FROM verdicts WHERE population <> 'eligible'
    UNION ALL
    SELECT device_id, reason FROM given
    UNION ALL
    -- An antivirus that is not the one in charge may be why nothing, or nothing good, is known of it.
    SELECT DISTINCT
      v.device_id,
      CASE v.av_mode WHEN '2' THEN 'antivirus_disabled' ELSE 'antivirus_passive' END AS reason
    FROM verdicts AS v INNER JOIN given AS g ON g.device_id = v.device_id
    WHERE v.av_mode IN ('1', '2', '5') AND (
      g.reason LIKE 'engine_%' OR g.reason LIKE 'platform_%' OR g.reason LIKE 'intelligence_%'
    )
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
  v.newest_source,
  v.releases_behind,
  v.agent_age_months,
  v.agent_state,
  v.av_mode,
  v.newest_engine,
  v.newest_engine_source,
  v.engine_state,
  v.newest_platform,
  v.newest_platform_source,
  v.platform_state,
  v.intelligence_version,
  v.newest_intelligence,
  v.newest_intelligence_source,
  v.intelligence_releases_behind,
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
