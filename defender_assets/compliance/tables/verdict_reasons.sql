-- verdict_reasons: why each machine record was judged as it was, one sentence a row.
--
-- Reads: device_identity, patch_findings, patch_compliance, agent_compliance, policy_compliance, av_health (the last two
-- may be empty), and of the policy: policy_settings, policy_decisions, policy_exemptions, policy_lines.
-- Of ten million findings only counts, and the three that are overdue longest of each device, go any further than the
-- first step.

WITH
-- 1. THE RECORD AND ITS DEVICE ------------------------------------------------------------------------------------------
other_records AS (
  SELECT
    primary_device_id,
    count(*) FILTER (WHERE population = 'merged') AS merged,
    count(*) FILTER (WHERE population = 'duplicate') AS duplicates
  FROM device_identity
  WHERE primary_device_id <> device_id
  GROUP BY primary_device_id
),
records AS (
  SELECT
    d.device_id,
    d.population,
    d.onboarding_status,
    d.last_seen,
    CAST(CAST(d.last_seen AS DATE) AS VARCHAR) AS seen_on,
    -- Whole days: 86,400,000,000 microseconds each.
    date_diff('microsecond', d.last_seen, d.as_of) // 86400000000 AS silent_days,
    d.as_of,
    CAST(CAST(d.as_of AS DATE) AS VARCHAR) AS judged_on,
    d.primary_device_id,
    coalesce(nullif(s.device_name, ''), d.primary_device_id) AS primary_name,
    s.device_id IS NOT NULL AS primary_is_listed,
    lower(s.device_name) = lower(d.device_name) AS same_name,
    CAST(CAST(s.last_seen AS DATE) AS VARCHAR) AS primary_seen_on,
    coalesce(o.merged, 0) AS merged_records,
    coalesce(o.duplicates, 0) AS duplicate_records
  FROM device_identity AS d
  LEFT JOIN device_identity AS s ON s.device_id = d.primary_device_id
  LEFT JOIN other_records AS o ON o.primary_device_id = d.device_id
),
identity_told AS (
  SELECT
    r.device_id,
    'identity' AS topic,
    1 AS position,
    CAST(NULL AS VARCHAR) AS verdict,
    CASE
      WHEN population = 'merged' THEN 'merged'
      WHEN population = 'duplicate' THEN 'duplicate'
      WHEN merged_records + duplicate_records > 0 THEN 'chosen_record'
      ELSE 'only_record'
    END AS code,
    CASE
      WHEN population = 'merged' AND NOT primary_is_listed
        THEN concat('Defender merged this record into the record ', primary_device_id, ', which it does not list.')
      WHEN population = 'merged'
        THEN concat('Defender merged this record into ', primary_name, ' (record ', primary_device_id, ').')
      WHEN population = 'duplicate'
        THEN concat(
          'This is an older record of ', primary_name, ' (record ', primary_device_id, '): the same ',
          CASE WHEN same_name THEN 'device name' ELSE 'Entra device id' END,
          ', seen later, on ', primary_seen_on, '.'
        )
      WHEN merged_records + duplicate_records > 0
        THEN concat(
          'This record stands for the device; it has ',
          CASE
            WHEN merged_records + duplicate_records = 1 THEN '1 other record, which is'
            ELSE concat(CAST(merged_records + duplicate_records AS VARCHAR), ' other records, which are')
          END,
          ' not judged (',
          concat_ws(
            ', ',
            CASE WHEN merged_records > 0 THEN concat(CAST(merged_records AS VARCHAR), ' merged into it') END,
            CASE WHEN duplicate_records > 0 THEN concat(CAST(duplicate_records AS VARCHAR), ' older') END
          ),
          ').'
        )
      ELSE 'This is the only record of the device.'
    END AS sentence,
    CASE WHEN population = 'duplicate' THEN 'population.duplicate_after_days' END AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM records AS r
),

-- 2. WHO IS JUDGED ------------------------------------------------------------------------------------------------------
population_told AS (
  SELECT
    r.device_id,
    'population' AS topic,
    1 AS position,
    CAST(NULL AS VARCHAR) AS verdict,
    r.population AS code,
    CASE r.population
      WHEN 'merged' THEN 'Not judged: the record was merged into another, which is judged in its place.'
      WHEN 'excluded' THEN 'Not judged: the device is excluded in the Defender portal.'
      WHEN 'not_onboarded'
        THEN concat(
          'Not judged: the device is not onboarded (onboarding status ',
          coalesce(nullif(r.onboarding_status, ''), 'not reported'), ').'
        )
      WHEN 'duplicate'
        THEN concat(
          'Not judged: last seen on ', r.seen_on, ', ', CAST(r.silent_days AS VARCHAR),
          CASE WHEN r.silent_days = 1 THEN ' day' ELSE ' days' END, ' before ', r.judged_on,
          '; after ', CAST(p.duplicate_after_days AS VARCHAR),
          ' days a record gives way to a later one of the same device.'
        )
      WHEN 'inactive'
        THEN concat(
          'Not judged: last seen on ', r.seen_on, ', ', CAST(r.silent_days AS VARCHAR),
          CASE WHEN r.silent_days = 1 THEN ' day' ELSE ' days' END, ' before ', r.judged_on,
          '; the limit is ', CAST(p.inactive_after_days AS VARCHAR), ' days.'
        )
      WHEN 'not_assessed'
        THEN CASE
          WHEN r.last_seen IS NULL THEN 'Not judged: Defender does not say when the device was last seen.'
          WHEN r.last_seen > r.as_of + INTERVAL 1 DAY
            THEN concat('Not judged: last seen on ', r.seen_on, ', which is after ', r.judged_on, ': a clock is wrong.')
          ELSE 'Not judged: vulnerability management lists no software and no finding of the device.'
        END
      ELSE concat(
        'Judged: onboarded, assessed by vulnerability management, and last seen on ', r.seen_on,
        CASE
          WHEN r.silent_days < 1 THEN ', within a day'
          WHEN r.silent_days = 1 THEN ', 1 day'
          ELSE concat(', ', CAST(r.silent_days AS VARCHAR), ' days')
        END,
        CASE WHEN r.silent_days < 1 THEN ' of ' ELSE ' before ' END, r.judged_on,
        ' (the limit is ', CAST(p.inactive_after_days AS VARCHAR), ' days).'
      )
    END AS sentence,
    CASE
      WHEN r.population = 'duplicate' THEN 'population.duplicate_after_days'
      WHEN r.population IN ('inactive', 'eligible') THEN 'population.inactive_after_days'
    END AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM records AS r
  CROSS JOIN policy_settings AS p
),

-- 3. PATCHES ------------------------------------------------------------------------------------------------------------
counted AS (
  SELECT
    device_id,
    count(*) FILTER (WHERE state = 'on_time') AS on_time,
    count(*) FILTER (WHERE state = 'no_fix') AS no_fix,
    count(*) FILTER (WHERE state = 'no_due_date') AS no_due_date,
    -- One exemption by name; a device rarely has several.
    min(decided_by) FILTER (WHERE state = 'exempt') AS exempt_by
  FROM patch_findings
  GROUP BY device_id
),
ranked AS (
  SELECT
    device_id, cve_id, software_vendor, software_name, software_version, severity, clock_source, clock_start_at, due_at,
    days_overdue, decided_by,
    row_number() OVER (
      PARTITION BY device_id
      ORDER BY due_at NULLS LAST, cve_id, software_name NULLS LAST, software_vendor NULLS LAST, software_version NULLS LAST
    ) AS place
  FROM patch_findings
  WHERE state = 'overdue'
),
worst AS (
  SELECT
    w.device_id,
    w.place,
    concat(
      w.cve_id, ' in ', concat_ws(' ', w.software_vendor, w.software_name, w.software_version), ': ',
      coalesce(lower(w.severity), 'not rated'), ', ',
      CASE w.clock_source
        WHEN 'published' THEN 'published on '
        WHEN 'patch_available' THEN 'its patch available since '
        WHEN 'kev_added' THEN 'known to be exploited since '
        ELSE 'first seen on '
      END,
      CAST(CAST(w.clock_start_at AS DATE) AS VARCHAR),
      ', due on ', CAST(CAST(w.due_at AS DATE) AS VARCHAR), ' (',
      CASE
        WHEN w.decision = 'KEV catalogue' THEN ''
        ELSE concat(CAST(date_diff('microsecond', w.clock_start_at, w.due_at) // 86400000000 AS VARCHAR), ' days, ')
      END,
      w.decided_by, '), ',
      CASE
        WHEN w.days_overdue < 1 THEN 'overdue since that day'
        WHEN w.days_overdue = 1 THEN '1 day overdue'
        ELSE concat(CAST(w.days_overdue AS VARCHAR), ' days overdue')
      END
    ) AS words,
    d.setting,
    d.base_setting
  FROM (
    SELECT
      *,
      split_part(decided_by, '; ', 1) AS decision,
      CASE
        WHEN decided_by LIKE '%; scope %' THEN split_part(split_part(decided_by, '; scope ', 2), ';', 1)
        ELSE 'all devices'
      END AS scope
    FROM ranked
    WHERE place <= 3
  ) AS w
  LEFT JOIN policy_decisions AS d ON d.scope = w.scope AND d.decision = w.decision
),
patches AS (
  SELECT
    c.device_id,
    c.population,
    c.verdict,
    c.open_findings,
    c.overdue_findings,
    c.due_soon_findings,
    c.exempt_findings,
    coalesce(k.on_time, 0) AS on_time_findings,
    coalesce(k.no_fix, 0) AS no_fix_findings,
    coalesce(k.no_due_date, 0) AS no_due_date_findings,
    k.exempt_by
  FROM patch_compliance AS c
  LEFT JOIN counted AS k ON k.device_id = c.device_id
),
patch_told AS (
  SELECT
    p.device_id,
    'patch' AS topic,
    1 AS position,
    p.verdict,
    CASE
      WHEN p.population <> 'eligible' THEN concat('population_', p.population)
      WHEN p.overdue_findings > 0 THEN 'overdue_findings'
      WHEN p.open_findings > 0 THEN 'no_overdue_findings'
      ELSE 'no_findings'
    END AS code,
    CASE
      WHEN p.population <> 'eligible' AND p.open_findings > 0
        THEN concat(
          'Patches are not judged (', replace(p.population, '_', ' '), '); ', CAST(p.open_findings AS VARCHAR),
          CASE WHEN p.open_findings = 1 THEN ' open finding counts' ELSE ' open findings count' END, ' nowhere.'
        )
      WHEN p.population <> 'eligible' THEN concat('Patches are not judged (', replace(p.population, '_', ' '), ').')
      WHEN p.overdue_findings = 1 THEN concat('1 finding is overdue: ', w.words, '.')
      WHEN p.overdue_findings > 1
        THEN concat(CAST(p.overdue_findings AS VARCHAR), ' findings are overdue; the oldest is ', w.words, '.')
      WHEN p.open_findings = 0 THEN 'No finding is open.'
      ELSE concat(
        'No finding is overdue (of ', CAST(p.open_findings AS VARCHAR), ' open: ',
        concat_ws(
          ', ',
          CASE WHEN p.due_soon_findings > 0 THEN concat(CAST(p.due_soon_findings AS VARCHAR), ' due soon') END,
          CASE WHEN p.on_time_findings > 0 THEN concat(CAST(p.on_time_findings AS VARCHAR), ' on time') END,
          CASE WHEN p.exempt_findings > 0 THEN concat(CAST(p.exempt_findings AS VARCHAR), ' exempt') END,
          CASE
            WHEN p.no_fix_findings > 0 THEN concat(CAST(p.no_fix_findings AS VARCHAR), ' without a security update')
          END,
          CASE WHEN p.no_due_date_findings > 0 THEN concat(CAST(p.no_due_date_findings AS VARCHAR), ' without a due date') END
        ),
        ').'
      )
    END AS sentence,
    CASE WHEN p.population = 'eligible' THEN coalesce(w.setting, 'patch') END AS setting,
    w.base_setting
  FROM patches AS p
  LEFT JOIN worst AS w ON w.device_id = p.device_id AND w.place = 1 AND p.population = 'eligible'
  UNION ALL
  SELECT
    p.device_id,
    'patch' AS topic,
    w.place AS position,
    p.verdict,
    'overdue_finding' AS code,
    concat('Also overdue: ', w.words, '.') AS sentence,
    w.setting,
    w.base_setting
  FROM worst AS w
  INNER JOIN patches AS p ON p.device_id = w.device_id AND p.population = 'eligible'
  WHERE w.place > 1
  UNION ALL
  SELECT
    p.device_id,
    'patch' AS topic,
    4 AS position,
    p.verdict,
    'exempt_findings' AS code,
    concat(
      CASE
        WHEN p.exempt_findings = 1 THEN '1 finding does not count: exemption '
        ELSE concat(CAST(p.exempt_findings AS VARCHAR), ' findings do not count: exemption ')
      END,
      e.exemption, ' (', e.reason, '; ',
      CASE WHEN e.owner IS NOT NULL THEN concat('owner ', e.owner, ', ') ELSE '' END,
      'approved by ', e.approved_by, ', until ', CAST(CAST(e.expires_at AS DATE) AS VARCHAR), ').'
    ) AS sentence,
    concat('exemptions.', CAST(e.position AS VARCHAR)) AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM patches AS p
  INNER JOIN policy_exemptions AS e ON e.exemption = split_part(split_part(p.exempt_by, 'exemption ', 2), '; ', 1)
  WHERE p.population = 'eligible'
),

-- 4. AGENTS -------------------------------------------------------------------------------------------------------------
antivirus AS (
  SELECT
    machine_id,
    av_engine_version,
    av_platform_version,
    av_signature_publish_time AS published_at,
    coalesce(av_signature_data_refresh_time, data_refresh_timestamp) AS refreshed_at
  FROM (
    -- One row per device, the one that agent_compliance looks at.
    SELECT
      *,
      row_number() OVER (
        PARTITION BY machine_id
        ORDER BY coalesce(av_signature_data_refresh_time, data_refresh_timestamp) DESC NULLS LAST, id
      ) AS rank
    FROM av_health
  ) AS every_row
  WHERE rank = 1
),
agents AS (
  SELECT
    a.*,
    v.av_engine_version,
    v.av_platform_version,
    CAST(CAST(v.published_at AS DATE) AS VARCHAR) AS published_on,
    date_diff('microsecond', v.published_at, a.as_of) // 86400000000 AS published_days,
    CASE
      WHEN v.machine_id IS NULL THEN 'Defender has no antivirus health report of the device'
      WHEN v.refreshed_at IS NULL THEN 'the antivirus health report of the device has no date'
      WHEN v.refreshed_at < a.as_of - INTERVAL 1 DAY * p.av_refresh_max_days
        THEN concat(
          'the antivirus last reported on ', CAST(CAST(v.refreshed_at AS DATE) AS VARCHAR), ', ',
          CAST(date_diff('microsecond', v.refreshed_at, a.as_of) // 86400000000 AS VARCHAR), ' days before ',
          CAST(CAST(a.as_of AS DATE) AS VARCHAR), ' (the limit is ', CAST(p.av_refresh_max_days AS VARCHAR), ' days)'
        )
    END AS no_report,
    p.windows_max_releases_behind,
    p.macos_expires_after_months,
    p.linux_expires_after_months,
    p.av_intelligence_max_days
  FROM agent_compliance AS a
  CROSS JOIN policy_settings AS p
  LEFT JOIN antivirus AS v ON v.machine_id = a.device_id
),
agent_reasons AS (
  SELECT device_id, unnest(reasons) AS code FROM agent_compliance WHERE population = 'eligible'
),
agent_told AS (
  SELECT
    a.device_id,
    'agent' AS topic,
    CASE r.code
      WHEN 'agent_unsupported' THEN 1
      WHEN 'agent_behind' THEN 2
      WHEN 'agent_unknown' THEN 3
      WHEN 'engine_out_of_date' THEN 4
      WHEN 'platform_out_of_date' THEN 5
      WHEN 'intelligence_out_of_date' THEN 6
      WHEN 'sensor_impaired' THEN 7
      WHEN 'sensor_inactive' THEN 8
      ELSE 9
    END AS position,
    a.verdict,
    r.code,
    CASE
      WHEN r.code IN ('agent_unsupported', 'agent_behind') AND a.platform_family IN ('macos', 'linux')
        AND r.code = 'agent_unsupported'
        THEN concat(
          'The agent is of 20', substr(a.agent_release, 1, 2), '-', substr(a.agent_release, 3, 2), ', ',
          CAST(CAST(a.agent_age_months AS BIGINT) AS VARCHAR), ' months old; it is supported for less than ',
          CAST(
            CASE a.platform_family WHEN 'macos' THEN a.macos_expires_after_months ELSE a.linux_expires_after_months END
            AS VARCHAR
          ),
          ' months.'
        )
      WHEN r.code IN ('agent_unsupported', 'agent_behind')
        THEN concat(
          'Agent release ', a.agent_release, ' is ', CAST(a.releases_behind AS VARCHAR),
          CASE WHEN a.releases_behind = 1 THEN ' release' ELSE ' releases' END, ' behind the newest, ', a.newest_release,
          CASE
            WHEN r.code = 'agent_unsupported'
              THEN concat('; at most ', CAST(a.windows_max_releases_behind AS VARCHAR), ' are supported.')
            ELSE '.'
          END
        )
      WHEN r.code = 'agent_unknown' AND a.agent_version <> ''
        THEN concat('The release of the agent is not known: its version ', a.agent_version, ' cannot be read.')
      WHEN r.code = 'agent_unknown' THEN 'The release of the agent is not known: Defender reports no version.'
      WHEN r.code = 'engine_out_of_date'
        THEN concat('The antivirus engine ', a.av_engine_version, ' is older than the newest.')
      WHEN r.code = 'platform_out_of_date'
        THEN concat('The antivirus platform ', a.av_platform_version, ' is older than the newest.')
      WHEN r.code = 'intelligence_out_of_date' AND a.published_on IS NULL
        THEN 'When the security intelligence was published is not known.'
      WHEN r.code = 'intelligence_out_of_date'
        THEN concat(
          'The security intelligence was published on ', a.published_on, ', ', CAST(a.published_days AS VARCHAR),
          ' days before it was judged; the limit is ', CAST(a.av_intelligence_max_days AS VARCHAR), ' days.'
        )
      WHEN r.code = 'sensor_impaired' THEN 'The sensor does not report as it should: its health is impaired.'
      WHEN r.code = 'sensor_inactive' THEN 'The sensor has stopped reporting: its health is inactive.'
      ELSE concat(replace(r.code, '_', ' '), '.')
    END AS sentence,
    CASE
      WHEN r.code = 'agent_unsupported' AND a.platform_family = 'windows' THEN 'agent.windows_max_releases_behind'
      WHEN r.code = 'agent_unsupported' THEN concat('agent.', a.platform_family, '_expires_after_months')
      WHEN r.code = 'intelligence_out_of_date' THEN 'antivirus.intelligence_max_days'
      WHEN r.code LIKE '%_unknown' THEN 'agent.antivirus_unknown'
      ELSE 'agent.noncompliant_when'
    END AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM agent_reasons AS r
  INNER JOIN agents AS a ON a.device_id = r.device_id
  UNION ALL
  SELECT
    a.device_id,
    'agent' AS topic,
    1 AS position,
    a.verdict,
    CASE WHEN a.population <> 'eligible' THEN concat('population_', a.population) ELSE 'agent_compliant' END AS code,
    CASE
      WHEN a.population <> 'eligible' THEN concat('The agent is not judged (', replace(a.population, '_', ' '), ').')
      ELSE 'The agent complies.'
    END AS sentence,
    CASE WHEN a.population = 'eligible' THEN 'agent' END AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM agents AS a
  WHERE a.population <> 'eligible' OR a.verdict = 'compliant'
),

-- 5. CONFIGURATION ------------------------------------------------------------------------------------------------------
configuration_told AS (
  SELECT
    c.device_id,
    'configuration' AS topic,
    1 AS position,
    c.verdict,
    CASE
      WHEN c.population <> 'eligible' THEN concat('population_', c.population)
      WHEN c.controls_applicable = 0 THEN 'no_controls'
      WHEN c.verdict = 'compliant' THEN 'configuration_compliant'
      WHEN len(c.failed_required_control_ids) > 0 THEN 'required_controls'
      ELSE 'minimum_score'
    END AS code,
    CASE
      WHEN c.population <> 'eligible' THEN concat('The configuration is not judged (', replace(c.population, '_', ' '), ').')
      WHEN c.controls_applicable = 0 THEN 'The configuration is not known: no control that applies was assessed.'
      ELSE concat(
        CASE
          WHEN len(c.failed_required_control_ids) = 1
            THEN concat('1 required control is not met: ', array_to_string(c.failed_required_control_ids, ', '), '; ')
          WHEN len(c.failed_required_control_ids) > 1
            THEN concat(
              CAST(len(c.failed_required_control_ids) AS VARCHAR), ' required controls are not met: ',
              array_to_string(c.failed_required_control_ids, ', '), '; '
            )
          ELSE 'Every required control that applies is met; '
        END,
        CAST(c.controls_compliant AS VARCHAR), ' of ', CAST(c.controls_applicable AS VARCHAR), ' controls are met',
        CASE
          WHEN c.weighted_score IS NULL THEN ''
          ELSE concat(
            ', a weighted score of ', CAST(CAST(floor(100 * c.weighted_score) AS BIGINT) AS VARCHAR), ' %',
            CASE
              WHEN p.minimum_score IS NOT NULL
                THEN concat(
                  ' (the minimum is ', CAST(CAST(ceil(100 * p.minimum_score) AS BIGINT) AS VARCHAR), ' %)'
                )
              ELSE ''
            END
          )
        END,
        '.'
      )
    END AS sentence,
    CASE
      WHEN c.population <> 'eligible' THEN NULL
      WHEN len(c.failed_required_control_ids) = 0 AND c.verdict = 'noncompliant' THEN 'controls.minimum_score'
      ELSE 'controls.required'
    END AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM policy_compliance AS c
  CROSS JOIN policy_settings AS p
),

-- 6. WHERE THE POLICY SAYS SO -------------------------------------------------------------------------------------------
told AS (
  SELECT * FROM identity_told
  UNION ALL
  SELECT * FROM population_told
  UNION ALL
  SELECT * FROM patch_told
  UNION ALL
  SELECT * FROM agent_told
  UNION ALL
  SELECT * FROM configuration_told
)

SELECT
  t.device_id,
  t.topic,
  t.position,
  t.verdict,
  t.code,
  t.sentence,
  -- The setting itself; what a scope or a policy leaves out is written in what it extends, or for the whole section.
  coalesce(own.setting, base.setting, section.setting) AS setting,
  coalesce(own.file, base.file, section.file) AS policy_file,
  coalesce(own.line, base.line, section.line) AS policy_line,
  p.policy,
  s.as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM told AS t
CROSS JOIN policy_settings AS p
CROSS JOIN (SELECT max(as_of) AS as_of FROM device_identity) AS s
LEFT JOIN policy_lines AS own ON own.setting = t.setting
LEFT JOIN policy_lines AS base ON base.setting = t.base_setting
LEFT JOIN policy_lines AS section ON section.setting = split_part(t.setting, '.', 1)
