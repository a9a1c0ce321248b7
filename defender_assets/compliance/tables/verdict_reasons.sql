-- verdict_reasons: why each machine record was judged as it was, one sentence a row.
--
-- Reads: machines, device_identity, agent_compliance, patch_findings, patch_compliance, policy_compliance, av_health,
-- software_inventory, secure_configuration (all but the first three may be empty), and of the policy: policy_settings,
-- policy_decisions, policy_exemptions, policy_lines.
-- Names are cut where they come from devices, so that a sentence stays one.
-- Of ten million findings only counts, and the three that are overdue longest of each device, go any further than the
-- first step. What is materialized has the memory for itself: with 500,000 devices, all at once need twice as much.

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
records AS MATERIALIZED (
  SELECT
    d.device_id,
    d.population,
    d.onboarding_status,
    coalesce(d.absent_inputs LIKE '%software_inventory%software_vulnerabilities%', FALSE) AS assessment_is_unknown,
    d.last_seen,
    CAST(CAST(d.last_seen AS DATE) AS VARCHAR) AS seen_on,
    -- Whole days: 86,400,000,000 microseconds each.
    date_diff('microsecond', d.last_seen, d.as_of) // 86400000000 AS silent_days,
    d.as_of,
    CAST(CAST(d.as_of AS DATE) AS VARCHAR) AS judged_on,
    d.primary_device_id,
    substr(coalesce(nullif(s.device_name, ''), d.primary_device_id), 1, 80) AS primary_name,
    s.device_id IS NOT NULL AS primary_is_listed,
    x.device_id IS NOT NULL AS primary_is_out_of_scope,
    lower(s.device_name) = lower(d.device_name) AS same_name,
    lower(n.aad_device_id) = lower(m.aad_device_id) AS same_entra_id,
    CAST(CAST(s.last_seen AS DATE) AS VARCHAR) AS primary_seen_on,
    coalesce(o.merged, 0) AS merged_records,
    coalesce(o.duplicates, 0) AS duplicate_records
  FROM device_identity AS d
  LEFT JOIN device_identity AS s ON s.device_id = d.primary_device_id
  LEFT JOIN machines AS m ON m.id = d.device_id
  LEFT JOIN machines AS n ON n.id = d.primary_device_id
  LEFT JOIN other_records AS o ON o.primary_device_id = d.device_id
  LEFT JOIN devices_out_of_scope AS x ON x.device_id = d.primary_device_id
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
      WHEN population = 'merged' AND primary_is_out_of_scope
        THEN concat('Defender merged this record into the record ', primary_device_id, ', which is out of the scope.')
      WHEN population = 'merged' AND NOT primary_is_listed
        THEN concat('Defender merged this record into the record ', primary_device_id, ', which it does not list.')
      WHEN population = 'merged'
        THEN concat('Defender merged this record into ', primary_name, ' (record ', primary_device_id, ').')
      WHEN population = 'duplicate' AND NOT primary_is_listed
        THEN concat(
          'This is an older record of the device whose later record, ', primary_device_id, ', is out of the scope.'
        )
      WHEN population = 'duplicate'
        THEN concat(
          'This is an older record of ', primary_name, ' (record ', primary_device_id, '): ',
          CASE
            WHEN same_entra_id THEN 'both have the same Entra device id'
            WHEN same_name THEN 'both have the same name, and nothing tells them apart'
            ELSE 'both are one device by way of a third record'
          END,
          '. The later one was last seen on ', primary_seen_on, '.'
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
          coalesce(nullif(substr(r.onboarding_status, 1, 40), ''), 'not reported'), ').'
        )
      WHEN 'duplicate'
        THEN concat(
          'Not judged: last seen on ', r.seen_on, ', ', CAST(r.silent_days AS VARCHAR),
          CASE WHEN r.silent_days = 1 THEN ' day' ELSE ' days' END, ' before it was judged on ', r.judged_on,
          '; after ', CAST(p.duplicate_after_days AS VARCHAR),
          ' days a record gives way to a later one of the same device.'
        )
      WHEN 'inactive'
        THEN concat(
          'Not judged: last seen on ', r.seen_on, ', ', CAST(r.silent_days AS VARCHAR),
          CASE WHEN r.silent_days = 1 THEN ' day' ELSE ' days' END, ' before it was judged on ', r.judged_on,
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
        'Judged: onboarded, ',
        CASE
          WHEN r.assessment_is_unknown THEN 'not known to be assessed by vulnerability management or not'
          ELSE 'assessed by vulnerability management'
        END,
        ', and last seen on ', r.seen_on,
        CASE
          WHEN r.silent_days < 1 THEN ', less than a day'
          WHEN r.silent_days = 1 THEN ', 1 day'
          ELSE concat(', ', CAST(r.silent_days AS VARCHAR), ' days')
        END,
        ' before it was judged (the limit is ', CAST(p.inactive_after_days AS VARCHAR), ' days).'
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
    -- One exemption and one doubt by name; a device rarely has several.
    min(CASE WHEN state = 'exempt' THEN split_part(regexp_replace(decided_by, '^exemption ', ''), '; ', 1) END)
      AS exemption,
    max(CASE WHEN state = 'exempt' THEN split_part(regexp_replace(decided_by, '^exemption ', ''), '; ', 1) END)
      AS last_exemption,
    min(accepted_by) FILTER (WHERE state = 'accepted') AS accepted_by,
    max(accepted_by) FILTER (WHERE state = 'accepted') AS last_accepted_by,
    min(concat(decided_by, '; on ', cve_id)) FILTER (WHERE undecided) AS undecided_by
  FROM patch_findings
  GROUP BY device_id
),
-- The due date of the third (or last) of each device, by dates alone: what is due later need not be put in order.
last_shown AS (
  SELECT device_id, max(due_at) AS due_at
  FROM (
    SELECT device_id, due_at, row_number() OVER (PARTITION BY device_id ORDER BY due_at NULLS LAST) AS place
    FROM patch_findings
    WHERE state = 'overdue'
  ) AS dated
  WHERE place <= 3
  GROUP BY device_id
),
ranked AS (
  SELECT
    f.device_id,
    f.cve_id,
    f.software_vendor,
    f.software_name,
    f.software_version,
    f.rated_severity,
    f.clock_source,
    f.clock_start_at,
    f.due_at,
    f.days_overdue,
    f.decided_by,
    row_number() OVER (
      PARTITION BY f.device_id
      ORDER BY f.due_at, f.cve_id, f.software_name NULLS LAST, f.software_vendor NULLS LAST, f.software_version NULLS LAST
    ) AS place
  FROM patch_findings AS f
  INNER JOIN last_shown AS l ON l.device_id = f.device_id AND f.due_at <= l.due_at
  WHERE f.state = 'overdue'
),
worst AS MATERIALIZED (
  SELECT
    w.device_id,
    w.place,
    concat(
      substr(w.cve_id, 1, 40), ' in ',
      concat_ws(
        ' ', substr(w.software_vendor, 1, 80), substr(w.software_name, 1, 80), substr(w.software_version, 1, 80)
      ),
      ': ',
      coalesce(w.rated_severity, 'not rated'), ', ',
      CASE w.clock_source
        WHEN 'published' THEN 'published on '
        WHEN 'patch_available' THEN 'its patch available since '
        WHEN 'kev_added' THEN 'known to be exploited since '
        ELSE 'first seen on '
      END,
      CAST(CAST(w.clock_start_at AS DATE) AS VARCHAR),
      ', due on ', CAST(CAST(w.due_at AS DATE) AS VARCHAR), ' (',
      CASE
        WHEN w.decision = 'KEV catalogue' OR w.decided_by LIKE '%; not before %' THEN ''
        WHEN date_diff('microsecond', w.clock_start_at, w.due_at) // 86400000000 = 1 THEN '1 day, '
        ELSE concat(CAST(date_diff('microsecond', w.clock_start_at, w.due_at) // 86400000000 AS VARCHAR), ' days, ')
      END,
      replace(replace(w.decided_by, 'assumed in_kev', 'the KEV catalogue not known'), '; ', ', '), '), ',
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
-- One product past its end of support by name: what patch_compliance counts.
unsupported AS (
  SELECT
    i.device_id,
    min(
      concat_ws(
        ' ', substr(i.software_vendor, 1, 80), substr(i.software_name, 1, 80), substr(i.software_version, 1, 80)
      )
    ) AS product
  FROM software_inventory AS i
  CROSS JOIN (SELECT max(as_of) AS as_of FROM device_identity) AS s
  WHERE date_trunc('day', i.end_of_support_date) + INTERVAL 1 DAY <= s.as_of
    OR lower(i.end_of_support_status) IN ('eos version', 'eos software')
  GROUP BY i.device_id
),
patches AS MATERIALIZED (
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
    c.accepted_findings,
    c.undecided_findings,
    c.unsupported_software,
    c.exempt_unsupported_software,
    c.reasons,
    u.product AS unsupported_product,
    k.exemption,
    k.last_exemption <> k.exemption AS has_several_exemptions,
    CASE
      WHEN k.last_accepted_by <> k.accepted_by THEN concat(k.accepted_by, ' or ', k.last_accepted_by)
      ELSE k.accepted_by
    END AS accepted_by,
    substr(split_part(k.undecided_by, '; on ', 2), 1, 40) AS undecided_cve,
    split_part(split_part(k.undecided_by, 'undecided without ', 2), ';', 1) AS undecided_without
  FROM patch_compliance AS c
  LEFT JOIN counted AS k ON k.device_id = c.device_id
  LEFT JOIN unsupported AS u ON u.device_id = c.device_id
),
patch_told AS (
  SELECT
    p.device_id,
    'patch' AS topic,
    coalesce(w.place, 1) AS position,
    p.verdict,
    CASE
      WHEN w.place > 1 THEN 'overdue_finding'
      WHEN p.population <> 'eligible' THEN concat('population_', p.population)
      WHEN p.overdue_findings > 0 THEN 'overdue_findings'
      WHEN p.open_findings > 0 THEN 'no_overdue_findings'
      ELSE 'no_findings'
    END AS code,
    CASE
      WHEN w.place > 1 THEN concat('Also overdue: ', w.words, '.')
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
            WHEN p.accepted_findings > 0 THEN concat(CAST(p.accepted_findings AS VARCHAR), ' accepted in Defender')
          END,
          CASE
            WHEN p.no_fix_findings > 0 THEN concat(CAST(p.no_fix_findings AS VARCHAR), ' without a security update')
          END,
          CASE
            WHEN p.no_due_date_findings > 0 THEN concat(CAST(p.no_due_date_findings AS VARCHAR), ' without a due date')
          END
        ),
        ').'
      )
    END AS sentence,
    CASE
      WHEN w.place > 1 THEN w.setting
      WHEN p.population = 'eligible' THEN coalesce(w.setting, 'patch')
    END AS setting,
    w.base_setting
  -- The devices are what is kept in memory, and the words of their findings, which are long, pass by.
  FROM worst AS w
  RIGHT JOIN patches AS p ON w.device_id = CASE WHEN p.population = 'eligible' THEN p.device_id END
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
        WHEN p.has_several_exemptions
          THEN concat(CAST(p.exempt_findings AS VARCHAR), ' findings do not count: several exemptions, one of them ')
        ELSE concat(CAST(p.exempt_findings AS VARCHAR), ' findings do not count: exemption ')
      END,
      e.exemption, ' (', e.reason, '; ',
      CASE WHEN e.owner IS NOT NULL THEN concat('owner ', e.owner, ', ') ELSE '' END,
      'approved by ', e.approved_by, ', until ', CAST(CAST(e.expires_at AS DATE) AS VARCHAR), ').'
    ) AS sentence,
    concat('exemptions.', CAST(e.position AS VARCHAR)) AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM patches AS p
  INNER JOIN policy_exemptions AS e ON e.exemption = p.exemption
  WHERE p.population = 'eligible'
  UNION ALL
  SELECT
    p.device_id,
    'patch' AS topic,
    5 AS position,
    p.verdict,
    'accepted_findings' AS code,
    concat(
      CASE
        WHEN p.accepted_findings = 1 THEN '1 finding does not count: accepted in Defender ('
        ELSE concat(CAST(p.accepted_findings AS VARCHAR), ' findings do not count: accepted in Defender (')
      END,
      p.accepted_by, ').'
    ) AS sentence,
    'patch.exceptions' AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM patches AS p
  WHERE p.population = 'eligible' AND p.accepted_findings > 0
  UNION ALL
  SELECT
    p.device_id,
    'patch' AS topic,
    6 AS position,
    p.verdict,
    'undecided_findings' AS code,
    concat(
      CASE
        WHEN p.undecided_findings = 1 THEN concat('1 finding (', p.undecided_cve, ')')
        ELSE concat(CAST(p.undecided_findings AS VARCHAR), ' findings (', p.undecided_cve, ' among them)')
      END,
      CASE WHEN p.undecided_findings = 1 THEN ' has' ELSE ' have' END,
      ' no due date that is certain, because something is not known (', p.undecided_without,
      '). The device cannot be called compliant.'
    ) AS sentence,
    CASE WHEN p.undecided_without LIKE '%severity%' THEN 'patch.unrated' ELSE 'patch' END AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM patches AS p
  WHERE p.population = 'eligible' AND p.undecided_findings > 0
  UNION ALL
  SELECT
    p.device_id,
    'patch' AS topic,
    7 AS position,
    p.verdict,
    CASE
      WHEN list_contains(p.reasons, 'inventory_unknown') THEN 'inventory_unknown'
      WHEN list_contains(p.reasons, 'unsupported_software') THEN 'unsupported_software'
      ELSE 'unsupported_software_lets_pass'
    END AS code,
    CASE
      WHEN list_contains(p.reasons, 'inventory_unknown')
        THEN 'Whether there is software past its end of support is not known: the inventory has no row of the device.'
      ELSE concat(
        CASE
          WHEN p.unsupported_software = 1 THEN '1 product is past its end of support: '
          ELSE concat(CAST(p.unsupported_software AS VARCHAR), ' products are past their end of support, among them ')
        END,
        p.unsupported_product,
        CASE
          WHEN p.exempt_unsupported_software > 0
            THEN concat(' (', CAST(p.exempt_unsupported_software AS VARCHAR), ' covered by an exemption)')
          ELSE ''
        END,
        CASE
          WHEN list_contains(p.reasons, 'unsupported_software') THEN '. The policy does not let that pass.'
          ELSE '. The policy counts such software and lets it pass.'
        END
      )
    END AS sentence,
    'software.unsupported' AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM patches AS p
  CROSS JOIN policy_settings AS s
  WHERE list_contains(p.reasons, 'inventory_unknown')
    OR (p.population = 'eligible' AND p.unsupported_software > 0 AND s.unsupported_software <> 'ignore')
  UNION ALL
  SELECT
    r.device_id,
    'patch' AS topic,
    1 AS position,
    'unknown' AS verdict,
    'findings_absent' AS code,
    'Whether the device is patched is not known: its findings are absent.' AS sentence,
    CAST(NULL AS VARCHAR) AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM records AS r
  CROSS JOIN input_state AS n
  WHERE r.population = 'eligible' AND n.absent_inputs LIKE '%patch_compliance%'
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
    a.device_id,
    a.population,
    a.platform_family,
    a.agent_version,
    a.agent_release,
    a.releases_behind,
    a.newest_release,
    a.newest_engine,
    a.newest_engine_source,
    a.newest_platform,
    a.newest_platform_source,
    a.intelligence_version,
    a.newest_intelligence,
    a.intelligence_releases_behind,
    a.agent_age_months,
    a.engine_state,
    a.platform_state,
    a.intelligence_state,
    a.sensor_state,
    a.verdict,
    a.reasons,
    substr(v.av_engine_version, 1, 40) AS av_engine_version,
    substr(v.av_platform_version, 1, 40) AS av_platform_version,
    -- The release is the third number of a version, as in agent_compliance.
    regexp_extract(v.av_engine_version, '^[0-9]+[.][0-9]+[.]([0-9]{1,9})', 1) AS engine_release,
    regexp_extract(v.av_platform_version, '^[0-9]+[.][0-9]+[.]([0-9]{1,9})', 1) AS platform_release,
    CAST(CAST(v.published_at AS DATE) AS VARCHAR) AS published_on,
    date_diff('microsecond', v.published_at, a.as_of) // 86400000000 AS published_days,
    CASE
      WHEN v.machine_id IS NULL AND coalesce(a.absent_inputs LIKE '%av_health%', FALSE)
        THEN 'the antivirus health reports of that day were absent'
      WHEN v.machine_id IS NULL THEN 'Defender has no antivirus health report of the device'
      WHEN v.refreshed_at IS NULL THEN 'the antivirus health report of the device has no date'
      WHEN v.refreshed_at < a.as_of - INTERVAL 1 DAY * p.av_refresh_max_days
        THEN concat(
          'the antivirus last reported on ', CAST(CAST(v.refreshed_at AS DATE) AS VARCHAR), ', ',
          CAST(date_diff('microsecond', v.refreshed_at, a.as_of) // 86400000000 AS VARCHAR), ' days before ',
          CAST(CAST(a.as_of AS DATE) AS VARCHAR), ' (the limit is ', CAST(p.av_refresh_max_days AS VARCHAR), ' days)'
        )
      WHEN v.refreshed_at > a.as_of + INTERVAL 1 DAY
        THEN concat(
          'the antivirus health report is dated ', CAST(CAST(v.refreshed_at AS DATE) AS VARCHAR), ', which is after ',
          CAST(CAST(a.as_of AS DATE) AS VARCHAR), ': a clock is wrong'
        )
    END AS no_report,
    concat(
      'Agent release ', a.agent_release, ' is ', CAST(a.releases_behind AS VARCHAR),
      CASE WHEN a.releases_behind = 1 THEN ' release' ELSE ' releases' END, ' behind ', a.newest_release, ', the newest ',
      CASE a.newest_source
        WHEN 'feed' THEN '(by a live feed)' WHEN 'catalogue' THEN '(by the list of releases)' ELSE '(that the fleet runs)'
      END
    ) AS release_words,
    concat(
      'The agent is a build of 20', substr(a.agent_release, 1, 2), '-', substr(a.agent_release, 3, 2), ', ',
      CAST(a.agent_age_months AS VARCHAR), ' months old; it is supported for less than ',
      CAST(
        CASE a.platform_family WHEN 'macos' THEN p.macos_expires_after_months ELSE p.linux_expires_after_months END
        AS VARCHAR
      ),
      ' months'
    ) AS age_words,
    p.windows_max_releases_behind,
    p.av_intelligence_max_days,
    p.av_intelligence_max_behind
  FROM agent_compliance AS a
  CROSS JOIN policy_settings AS p
  LEFT JOIN antivirus AS v ON v.machine_id = a.device_id
),
-- A row for each thing to be said of an agent: its reasons, and that it is compliant or not judged.
agent_statements AS (
  SELECT
    *,
    unnest(
      CASE
        WHEN population <> 'eligible' THEN [concat('population_', population)]
        WHEN verdict = 'compliant' THEN list_append(reasons, 'agent_compliant')
        ELSE reasons
      END
    ) AS code
  FROM agents
),
agent_told AS (
  SELECT
    a.device_id,
    'agent' AS topic,
    CASE a.code
      WHEN 'agent_unsupported' THEN 1
      WHEN 'agent_behind' THEN 2
      WHEN 'agent_unknown' THEN 3
      WHEN 'engine_out_of_date' THEN 4
      WHEN 'engine_unknown' THEN 5
      WHEN 'platform_out_of_date' THEN 6
      WHEN 'platform_unknown' THEN 7
      WHEN 'intelligence_out_of_date' THEN 8
      WHEN 'intelligence_unknown' THEN 9
      WHEN 'intelligence_behind' THEN 10
      WHEN 'antivirus_disabled' THEN 11
      WHEN 'antivirus_passive' THEN 12
      WHEN 'sensor_impaired' THEN 13
      WHEN 'sensor_inactive' THEN 14
      ELSE 1
    END AS position,
    a.verdict,
    a.code,
    CASE a.code
      WHEN 'agent_unsupported'
        THEN CASE
          WHEN a.platform_family = 'windows'
            THEN concat(a.release_words, '; at most ', CAST(a.windows_max_releases_behind AS VARCHAR), ' are supported.')
          WHEN a.agent_age_months IS NULL
            THEN concat('The agent is a build from before mid-2023 (', substr(a.agent_version, 1, 40), '), which is no longer supported.')
          ELSE concat(a.age_words, '.')
        END
      WHEN 'agent_behind' THEN concat(a.release_words, '.')
      WHEN 'agent_unknown'
        THEN CASE
          -- The form is right, as agent_compliance has it, and the month is not.
          WHEN a.platform_family IN ('macos', 'linux')
            AND regexp_extract(a.agent_version, '^(?:[23]0[.]1|101[.])([0-9]{2}(?:0[1-9]|1[0-2]))[0-9](?:[.].*)?$', 1) <> ''
            THEN concat(
              'The release of the agent is not known: its version, ', substr(a.agent_version, 1, 40),
              ', is of a month that has not come.'
            )
          WHEN a.agent_release IS NOT NULL
            THEN concat(
              'Whether the agent, release ', a.agent_release, ', is current is not known: no list tells the newest release, and ',
              'what devices out of the scope run is not known.'
            )
          WHEN a.agent_version <> ''
            THEN concat('The release of the agent is not known: its version, ', substr(a.agent_version, 1, 40), ', cannot be read.')
          ELSE 'The release of the agent is not known: Defender reports no version.'
        END
      WHEN 'engine_out_of_date'
        THEN concat(
          'The antivirus engine, release ', a.engine_release, ' (version ', a.av_engine_version, '), is older than release ',
          a.newest_engine, ', the newest ',
          CASE a.newest_engine_source
            WHEN 'feed' THEN '(by a live feed).' WHEN 'catalogue' THEN '(by the list of releases).'
            ELSE '(that the fleet runs).'
          END
        )
      WHEN 'platform_out_of_date'
        THEN concat(
          'The antivirus platform, release ', a.platform_release, ' (version ', a.av_platform_version, '), is older than release ',
          a.newest_platform, ', the newest ',
          CASE a.newest_platform_source
            WHEN 'feed' THEN '(by a live feed).' WHEN 'catalogue' THEN '(by the list of releases).'
            ELSE '(that the fleet runs).'
          END
        )
      WHEN 'engine_unknown'
        THEN concat(
          'Whether the antivirus engine is up to date is not known: ',
          CASE
            WHEN a.no_report IS NOT NULL THEN a.no_report
            WHEN a.av_engine_version <> '' THEN concat('its version, ', a.av_engine_version, ', cannot be compared')
            ELSE 'no version is reported'
          END,
          '.'
        )
      WHEN 'platform_unknown'
        THEN concat(
          'Whether the antivirus platform is up to date is not known: ',
          CASE
            WHEN a.no_report IS NOT NULL THEN a.no_report
            WHEN a.av_platform_version <> '' THEN concat('its version, ', a.av_platform_version, ', cannot be compared')
            ELSE 'no version is reported'
          END,
          '.'
        )
      WHEN 'intelligence_out_of_date'
        THEN CASE
          WHEN a.published_on IS NULL THEN 'When the security intelligence was published is not known.'
          ELSE concat(
            'The security intelligence was published on ', a.published_on, ', ', CAST(a.published_days AS VARCHAR),
            ' days before it was judged; the limit is ', CAST(a.av_intelligence_max_days AS VARCHAR), ' days.'
          )
        END
      WHEN 'intelligence_unknown'
        THEN concat(
          'Whether the security intelligence is up to date is not known: ',
          CASE
            WHEN a.no_report IS NOT NULL THEN a.no_report
            WHEN a.published_days < 0 THEN concat('it is dated ', a.published_on, ', which has not come: a clock is wrong')
            ELSE 'when it was published is not reported'
          END,
          '.'
        )
      WHEN 'intelligence_behind'
        THEN concat(
          'The security intelligence ', substr(a.intelligence_version, 1, 40), ' is ',
          CAST(a.intelligence_releases_behind AS VARCHAR), ' versions behind the newest, ', a.newest_intelligence,
          '; at most ', CAST(a.av_intelligence_max_behind AS VARCHAR), ' are allowed.'
        )
      WHEN 'antivirus_disabled' THEN 'Microsoft Defender Antivirus is disabled on the device, which may be why.'
      WHEN 'antivirus_passive' THEN 'Microsoft Defender Antivirus is in passive mode on the device, which may be why.'
      WHEN 'sensor_impaired' THEN 'The sensor does not work as it should: Defender calls its health impaired.'
      WHEN 'sensor_inactive' THEN 'The sensor has stopped reporting: Defender calls its health inactive.'
      WHEN 'agent_compliant'
        THEN concat(
          CASE
            WHEN a.releases_behind = 0 THEN concat('Agent release ', a.agent_release, ' is the newest')
            WHEN a.releases_behind > 0 THEN a.release_words
            ELSE concat('The agent has version ', substr(a.agent_version, 1, 40))
          END,
          CASE
            WHEN a.platform_family <> 'windows' THEN ''
            WHEN a.engine_state = 'up_to_date' AND a.platform_state = 'up_to_date' AND a.intelligence_state = 'up_to_date'
              THEN '; engine, platform and security intelligence of the antivirus are up to date'
            ELSE concat(
              '; antivirus: engine ', replace(a.engine_state, '_', ' '), ', platform ', replace(a.platform_state, '_', ' '),
              ', security intelligence ', replace(a.intelligence_state, '_', ' '), ', which the policy lets pass'
            )
          END,
          CASE
            WHEN a.sensor_state = 'healthy' THEN '; the sensor works.'
            ELSE concat('; sensor ', a.sensor_state, ', which the policy lets pass.')
          END
        )
      ELSE concat('The agent is not judged (', replace(a.population, '_', ' '), ').')
    END AS sentence,
    CASE
      WHEN a.population <> 'eligible' THEN NULL
      WHEN a.code = 'agent_compliant' AND a.platform_family = 'windows' THEN 'agent.windows_max_releases_behind'
      WHEN a.code = 'agent_compliant' AND a.platform_family IN ('macos', 'linux')
        THEN concat('agent.', a.platform_family, '_expires_after_months')
      WHEN a.code = 'agent_compliant' THEN 'agent'
      WHEN a.code = 'agent_unsupported' AND a.platform_family = 'windows' THEN 'agent.windows_max_releases_behind'
      WHEN a.code = 'agent_unsupported' THEN concat('agent.', a.platform_family, '_expires_after_months')
      WHEN a.code = 'intelligence_out_of_date' THEN 'antivirus.intelligence_max_days'
      WHEN a.code = 'intelligence_behind' THEN 'antivirus.intelligence_max_behind'
      WHEN a.code IN ('engine_unknown', 'platform_unknown', 'intelligence_unknown') THEN 'agent.antivirus_unknown'
      WHEN a.code IN ('agent_unknown', 'antivirus_disabled', 'antivirus_passive') THEN 'agent'
      ELSE 'agent.noncompliant_when'
    END AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM agent_statements AS a
),

-- 5. CONFIGURATION ------------------------------------------------------------------------------------------------------
-- Required controls by name: an id says nothing to people.
control_names AS (
  SELECT lower(configuration_id) AS control, min(configuration_name) AS name
  FROM secure_configuration
  WHERE configuration_name <> '' AND configuration_id IS NOT NULL
  GROUP BY lower(configuration_id)
),
failed_controls AS (
  SELECT
    f.device_id,
    count(*) AS controls,
    array_to_string(
      list_sort(
        list(CASE WHEN n.name IS NULL THEN f.control ELSE concat(substr(n.name, 1, 80), ' (', f.control, ')') END)
      ),
      '; '
    ) AS words
  FROM (SELECT device_id, unnest(failed_required_control_ids) AS control FROM policy_compliance) AS f
  LEFT JOIN control_names AS n ON n.control = lower(f.control)
  GROUP BY f.device_id
),
-- A row for each thing to be said of a configuration: its reasons, and that it is compliant.
configured AS (
  SELECT
    c.device_id,
    c.population,
    c.verdict,
    unnest(
      CASE WHEN c.verdict = 'compliant' THEN list_append(c.reasons, 'configuration_compliant') ELSE c.reasons END
    ) AS code,
    c.unknown_required_control_ids,
    f.words AS failed_words,
    f.controls AS failed_controls,
    concat(CAST(c.controls_compliant AS VARCHAR), ' of ', CAST(c.controls_applicable AS VARCHAR), ' controls are met')
      AS met_words,
    concat(
      'The weighted score is ', CAST(CAST(floor(100 * c.weighted_score) AS BIGINT) AS VARCHAR), ' %',
      CASE
        WHEN p.minimum_score IS NULL THEN ''
        ELSE concat('; the minimum is ', CAST(CAST(ceil(100 * p.minimum_score) AS BIGINT) AS VARCHAR), ' %')
      END
    ) AS score_words
  FROM policy_compliance AS c
  CROSS JOIN policy_settings AS p
  LEFT JOIN failed_controls AS f ON f.device_id = c.device_id
),
configuration_told AS (
  SELECT
    c.device_id,
    'configuration' AS topic,
    CASE c.code
      WHEN 'required_controls_failed' THEN 1
      WHEN 'score_under_minimum' THEN 2
      WHEN 'no_control_applies' THEN 3
      WHEN 'required_controls_unknown' THEN 4
      WHEN 'score_unknown' THEN 5
      ELSE 1
    END AS position,
    c.verdict,
    c.code,
    CASE c.code
      WHEN 'required_controls_failed'
        THEN concat(
          CASE
            WHEN c.failed_controls = 1 THEN '1 required control is not met: '
            ELSE concat(CAST(c.failed_controls AS VARCHAR), ' required controls are not met: ')
          END,
          c.failed_words, '. In all, ', c.met_words, '.'
        )
      WHEN 'score_under_minimum' THEN concat(c.score_words, ' (', c.met_words, ').')
      WHEN 'no_control_applies' THEN 'The configuration is not known: no control that applies was assessed.'
      WHEN 'required_controls_unknown'
        THEN concat(
          'Whether every required control is met is not known: nothing is told of ',
          array_to_string(c.unknown_required_control_ids, ', '), '.'
        )
      WHEN 'score_unknown' THEN 'Whether the score reaches the minimum is not known: the assessment has gaps.'
      WHEN 'configuration_compliant'
        THEN concat('Every required control that applies is met (', c.met_words, '). ', c.score_words, '.')
      ELSE concat('The configuration is not judged (', replace(c.population, '_', ' '), ').')
    END AS sentence,
    CASE
      WHEN c.population <> 'eligible' THEN NULL
      WHEN c.code IN ('score_under_minimum', 'score_unknown') THEN 'controls.minimum_score'
      ELSE 'controls.required'
    END AS setting,
    CAST(NULL AS VARCHAR) AS base_setting
  FROM configured AS c
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
