-- fleet_summary: the fleet in one row, every headline number beside its denominator.
--
-- Reads: device_identity, agent_compliance, patch_findings, patch_compliance, policy_compliance, endpoint_status,
-- remediation_times, coverage, software_end_of_support (all but the first two may be empty), policy_settings.

WITH
populations AS (
  SELECT
    max(as_of) AS as_of,
    count(*) AS machines,
    count(*) FILTER (WHERE population = 'merged') AS merged,
    count(*) FILTER (WHERE population = 'excluded') AS excluded,
    count(*) FILTER (WHERE population = 'not_onboarded') AS not_onboarded,
    count(*) FILTER (WHERE population = 'duplicate') AS duplicate,
    count(*) FILTER (WHERE population = 'inactive') AS inactive,
    count(*) FILTER (WHERE population = 'not_assessed') AS not_assessed,
    count(*) FILTER (WHERE population = 'eligible') AS eligible
  FROM device_identity
),
-- Of a fleet without a finding there is a table without a row: only that it was absent tells that nothing is known.
lacks AS (
  SELECT
    coalesce(absent_inputs LIKE '%patch_findings%', FALSE) AS findings,
    coalesce(absent_inputs LIKE '%patch_compliance%', FALSE) AS verdicts
  FROM input_state
),
patch AS (
  SELECT
    count(*) FILTER (WHERE verdict = 'compliant') AS compliant,
    count(*) FILTER (WHERE verdict = 'noncompliant') AS noncompliant,
    count(*) FILTER (WHERE verdict = 'unknown') AS unknown,
    count(unsupported_software) AS inventoried,
    count(*) FILTER (WHERE unsupported_software > 0) AS with_unsupported_software
  FROM patch_compliance
  WHERE population = 'eligible'
),
judged AS (
  SELECT
    f.state,
    f.rated_severity AS severity,
    f.undecided,
    f.days_overdue,
    f.in_kev,
    f.epss,
    coalesce(d.population = 'eligible', FALSE) AS is_eligible
  FROM patch_findings AS f
  LEFT JOIN device_identity AS d ON d.device_id = f.device_id
),
findings AS (
  SELECT
    count(*) FILTER (WHERE is_eligible) AS open_findings,
    count(*) FILTER (WHERE NOT is_eligible) AS other_findings,
    count(*) FILTER (WHERE is_eligible AND state = 'exempt') AS exempt,
    count(*) FILTER (WHERE is_eligible AND state = 'accepted') AS accepted,
    count(*) FILTER (WHERE is_eligible AND state = 'no_fix') AS no_fix,
    count(*) FILTER (WHERE is_eligible AND state = 'no_due_date') AS no_due_date,
    count(*) FILTER (WHERE is_eligible AND state = 'overdue') AS overdue,
    count(*) FILTER (WHERE is_eligible AND state = 'due_soon') AS due_soon,
    count(*) FILTER (WHERE is_eligible AND state = 'on_time') AS on_time,
    count(*) FILTER (WHERE is_eligible AND severity IS NULL) AS unrated,
    count(*) FILTER (WHERE is_eligible AND undecided) AS undecided,
    count(*) FILTER (WHERE is_eligible AND state = 'overdue' AND severity = 'critical') AS overdue_critical,
    count(*) FILTER (WHERE is_eligible AND state = 'overdue' AND severity = 'high') AS overdue_high,
    count(*) FILTER (WHERE is_eligible AND state = 'overdue' AND severity = 'medium') AS overdue_medium,
    count(*) FILTER (WHERE is_eligible AND state = 'overdue' AND severity = 'low') AS overdue_low,
    count(*) FILTER (WHERE is_eligible AND days_overdue <= 7) AS overdue_0_7_days,
    count(*) FILTER (WHERE is_eligible AND days_overdue BETWEEN 8 AND 30) AS overdue_8_30_days,
    count(*) FILTER (WHERE is_eligible AND days_overdue BETWEEN 31 AND 90) AS overdue_31_90_days,
    count(*) FILTER (WHERE is_eligible AND days_overdue > 90) AS overdue_over_90_days,
    count(*) > 0 AND count(in_kev) = count(*) AS kev_is_known,
    count(*) FILTER (WHERE is_eligible AND in_kev) AS kev_findings,
    count(*) FILTER (WHERE is_eligible AND in_kev AND state = 'overdue') AS kev_overdue,
    count(*) FILTER (WHERE is_eligible AND in_kev AND state = 'accepted') AS kev_accepted,
    sum(epss) FILTER (WHERE is_eligible) AS epss_load
  FROM judged
),
-- These read the few columns that they need for themselves: with `judged` in common, every finding would be kept in memory
-- until both are through with it.
eligible AS (
  SELECT device_id FROM device_identity WHERE population = 'eligible'
),
exploited AS (
  SELECT count(*) AS devices
  FROM (
    SELECT DISTINCT f.device_id
    FROM patch_findings AS f
    INNER JOIN eligible AS d ON d.device_id = f.device_id
    WHERE f.in_kev
  ) AS device
),
cves AS (
  SELECT count(*) AS cves, count(*) FILTER (WHERE in_kev) AS kev_cves
  FROM (
    SELECT f.cve_id, bool_or(f.in_kev) AS in_kev
    FROM patch_findings AS f
    INNER JOIN eligible AS d ON d.device_id = f.device_id
    GROUP BY f.cve_id
  ) AS cve
),
agents AS (
  SELECT
    count(*) FILTER (WHERE verdict = 'compliant') AS compliant,
    count(*) FILTER (WHERE verdict = 'noncompliant') AS noncompliant,
    count(*) FILTER (WHERE verdict = 'unknown') AS unknown,
    count(*) FILTER (WHERE agent_state = 'current') AS agents_current,
    count(*) FILTER (WHERE agent_state = 'behind') AS agents_behind,
    count(*) FILTER (WHERE agent_state = 'unsupported') AS agents_unsupported,
    count(*) FILTER (WHERE agent_state = 'unknown') AS agents_unknown,
    count(*) FILTER (WHERE platform_family = 'windows') AS windows_devices,
    count(*) FILTER (WHERE engine_state IN ('up_to_date', 'out_of_date')) AS engine_known,
    count(*) FILTER (WHERE engine_state = 'out_of_date') AS engine_out_of_date,
    count(*) FILTER (WHERE platform_state IN ('up_to_date', 'out_of_date')) AS platform_known,
    count(*) FILTER (WHERE platform_state = 'out_of_date') AS platform_out_of_date,
    count(*) FILTER (WHERE intelligence_state = 'up_to_date') AS intelligence_up_to_date,
    count(*) FILTER (WHERE intelligence_state = 'out_of_date') AS intelligence_out_of_date,
    count(*) FILTER (WHERE 'unknown' IN (engine_state, platform_state, intelligence_state)) AS av_unknown,
    count(*) FILTER (WHERE disagrees) AS av_disagreements,
    count(*) FILTER (WHERE sensor_state = 'healthy') AS sensors_healthy,
    count(*) FILTER (WHERE sensor_state = 'inactive') AS sensors_inactive,
    count(*) FILTER (WHERE sensor_state = 'impaired') AS sensors_impaired,
    count(*) FILTER (WHERE sensor_state = 'unknown') AS sensors_unknown
  FROM agent_compliance
  WHERE population = 'eligible'
),
inferred AS (
  SELECT list_sort(list(component)) AS components
  FROM (
    SELECT DISTINCT component
    FROM (
      SELECT concat('agent_', platform_family) AS component, newest_source AS source
      FROM agent_compliance WHERE population = 'eligible'
      UNION ALL
      SELECT 'av_engine' AS component, newest_engine_source AS source
      FROM agent_compliance WHERE population = 'eligible'
      UNION ALL
      SELECT 'av_platform' AS component, newest_platform_source AS source
      FROM agent_compliance WHERE population = 'eligible'
      UNION ALL
      SELECT 'av_intelligence' AS component, newest_intelligence_source AS source
      FROM agent_compliance WHERE population = 'eligible'
    ) AS told
    WHERE source = 'fleet'
  ) AS distinct_components
),
-- Without a row at all the table was absent: its numbers are null, not zero.
configured AS (
  SELECT
    count(*) AS known,
    count(*) FILTER (WHERE population = 'eligible' AND verdict = 'compliant') AS compliant,
    count(*) FILTER (WHERE population = 'eligible' AND verdict = 'noncompliant') AS noncompliant,
    count(*) FILTER (WHERE population = 'eligible' AND verdict = 'unknown') AS unknown,
    avg(weighted_score) FILTER (WHERE population = 'eligible') AS mean_weighted_score
  FROM policy_compliance
),
in_all AS (
  SELECT
    count(*) FILTER (WHERE p.verdict = 'compliant' AND a.verdict = 'compliant' AND c.verdict = 'compliant') AS compliant,
    count(*) FILTER (WHERE 'noncompliant' IN (p.verdict, a.verdict, c.verdict)) AS noncompliant
  FROM patch_compliance AS p
  INNER JOIN agent_compliance AS a ON a.device_id = p.device_id
  INNER JOIN policy_compliance AS c ON c.device_id = p.device_id
  WHERE p.population = 'eligible'
),
covered AS (
  SELECT
    count(*) AS devices,
    count(*) FILTER (WHERE population <> 'excluded') AS known,
    count(*) FILTER (WHERE population <> 'excluded' AND protection = 'protected') AS protected,
    count(*) FILTER (WHERE population <> 'excluded' AND protection = 'partly') AS partly,
    count(*) FILTER (WHERE population <> 'excluded' AND protection = 'unprotected') AS unprotected,
    count(*) FILTER (WHERE population <> 'excluded' AND protection = 'unknown') AS unknown
  FROM coverage
),
unsupported AS (
  SELECT count(*) AS products
  FROM (
    SELECT DISTINCT software_vendor, software_name
    FROM software_end_of_support
    WHERE status = 'ended' AND devices > 0
  ) AS product
),
endpoints AS (
  SELECT count(*) AS known, count(*) FILTER (WHERE population = 'eligible' AND is_managed) AS managed
  FROM endpoint_status
),
remediation AS (
  SELECT
    max(new) AS new,
    max(fixed) AS fixed,
    max(mean_days) AS mean_days,
    max(median_days) AS median_days
  FROM remediation_times
  WHERE severity = 'all'
)

SELECT
  p.as_of,
  s.policy,
  s.policy_digest,
  n.fleet_scope,
  n.machines_out_of_scope,
  CASE WHEN NOT l.findings THEN n.findings_out_of_scope END AS findings_out_of_scope,
  p.machines,
  p.merged,
  p.excluded,
  p.not_onboarded,
  p.duplicate,
  p.inactive,
  p.not_assessed,
  p.eligible,
  c.compliant AS patch_compliant_devices,
  c.noncompliant AS patch_noncompliant_devices,
  c.unknown AS patch_unknown_devices,
  CAST(100 * c.compliant AS DOUBLE) / nullif(p.eligible, 0) AS patch_compliant_pct,
  -- Null where no device has an inventory.
  CASE WHEN c.inventoried > 0 THEN c.with_unsupported_software END AS unsupported_software_devices,
  CASE
    WHEN c.inventoried > 0 AND coalesce(n.absent_inputs NOT LIKE '%software_end_of_support%', TRUE) THEN u.products
  END AS unsupported_products,
  CASE WHEN k.devices > 0 THEN k.known END AS known_devices,
  CASE WHEN k.devices > 0 THEN k.protected END AS protected_devices,
  CASE WHEN k.devices > 0 THEN k.partly END AS partly_protected_devices,
  CASE WHEN k.devices > 0 THEN k.unprotected END AS unprotected_devices,
  CASE WHEN k.devices > 0 THEN k.unknown END AS protection_unknown_devices,
  CAST(100 * k.protected AS DOUBLE) / nullif(k.known, 0) AS protected_pct,
  f.open_findings,
  f.exempt AS exempt_findings,
  f.accepted AS accepted_findings,
  f.no_fix AS no_fix_findings,
  f.no_due_date AS no_due_date_findings,
  f.overdue AS overdue_findings,
  f.due_soon AS due_soon_findings,
  f.on_time AS on_time_findings,
  f.unrated AS unrated_findings,
  f.undecided AS undecided_findings,
  f.other_findings,
  f.overdue_critical,
  f.overdue_high,
  f.overdue_medium,
  f.overdue_low,
  f.overdue_0_7_days,
  f.overdue_8_30_days,
  f.overdue_31_90_days,
  f.overdue_over_90_days,
  -- Undecided findings may be overdue.
  CAST(100 * (f.open_findings - f.overdue - f.undecided) AS DOUBLE) / nullif(f.open_findings, 0) AS not_overdue_pct,
  v.cves,
  -- Null where the KEV catalogue was absent or too old.
  CASE WHEN f.kev_is_known THEN v.kev_cves END AS kev_cves,
  CASE WHEN f.kev_is_known THEN x.devices END AS kev_devices,
  CASE WHEN f.kev_is_known THEN f.kev_findings END AS kev_findings,
  CASE WHEN f.kev_is_known THEN f.kev_overdue END AS kev_overdue_findings,
  CASE WHEN f.kev_is_known THEN f.kev_accepted END AS accepted_kev_findings,
  f.epss_load,
  a.compliant AS agent_compliant_devices,
  a.noncompliant AS agent_noncompliant_devices,
  a.unknown AS agent_unknown_devices,
  CAST(100 * a.compliant AS DOUBLE) / nullif(p.eligible, 0) AS agent_compliant_pct,
  a.agents_current,
  a.agents_behind,
  a.agents_unsupported,
  a.agents_unknown,
  a.windows_devices,
  -- Null where there are Windows devices and nothing is known of any: no report of the antivirus, or none that is fresh.
  CASE WHEN a.engine_known > 0 OR a.windows_devices = 0 THEN a.engine_out_of_date END AS engine_out_of_date,
  CASE WHEN a.platform_known > 0 OR a.windows_devices = 0 THEN a.platform_out_of_date END AS platform_out_of_date,
  CASE WHEN a.intelligence_up_to_date + a.intelligence_out_of_date > 0 OR a.windows_devices = 0
    THEN a.intelligence_up_to_date END AS intelligence_up_to_date,
  CASE WHEN a.intelligence_up_to_date + a.intelligence_out_of_date > 0 OR a.windows_devices = 0
    THEN a.intelligence_out_of_date END AS intelligence_out_of_date,
  a.av_unknown,
  CASE
    WHEN a.engine_known + a.platform_known + a.intelligence_up_to_date + a.intelligence_out_of_date > 0
      OR a.windows_devices = 0 THEN a.av_disagreements
  END AS av_disagreements,
  coalesce(i.components, []) AS agent_newest_inferred,
  a.sensors_healthy,
  a.sensors_inactive,
  a.sensors_impaired,
  a.sensors_unknown,
  CASE WHEN g.known > 0 THEN g.compliant END AS policy_compliant_devices,
  CASE WHEN g.known > 0 THEN g.noncompliant END AS policy_noncompliant_devices,
  CASE WHEN g.known > 0 THEN g.unknown END AS policy_unknown_devices,
  CASE WHEN g.known > 0 THEN CAST(100 * g.compliant AS DOUBLE) / nullif(p.eligible, 0) END AS policy_compliant_pct,
  CASE WHEN g.known > 0 THEN w.compliant END AS compliant_devices,
  CASE WHEN g.known > 0 THEN w.noncompliant END AS noncompliant_devices,
  CASE WHEN g.known > 0 THEN CAST(100 * w.compliant AS DOUBLE) / nullif(p.eligible, 0) END AS compliant_pct,
  g.mean_weighted_score,
  CASE WHEN e.known > 0 THEN e.managed END AS managed_devices,
  r.new AS new_findings,
  r.fixed AS fixed_findings,
  r.mean_days AS mean_days_to_fix,
  r.median_days AS median_days_to_fix,
  n.absent_inputs
FROM populations AS p
CROSS JOIN policy_settings AS s
CROSS JOIN lacks AS l
LEFT JOIN patch AS c ON NOT l.verdicts
LEFT JOIN findings AS f ON NOT l.findings
LEFT JOIN cves AS v ON NOT l.findings
LEFT JOIN exploited AS x ON NOT l.findings
CROSS JOIN agents AS a
CROSS JOIN inferred AS i
CROSS JOIN configured AS g
LEFT JOIN in_all AS w ON NOT l.verdicts
CROSS JOIN covered AS k
CROSS JOIN unsupported AS u
CROSS JOIN input_state AS n
CROSS JOIN endpoints AS e
CROSS JOIN remediation AS r
