-- remediation_times: what became of findings in the days up to the snapshot, and how long true fixes took.
--
-- Reads: software_vulnerability_changes (as many days as there are), device_identity, software_vulnerabilities,
-- policy_settings, devices_out_of_scope.
-- A device that moves between groups is reported as Fixed and New of the same finding; an upgrade that keeps the CVE as
-- Fixed of the old version and New of the new one; a product that the service renames as Fixed and New of one CVE at one
-- moment; a CVE that is rated anew as Fixed and New at two severities; a device that leaves as Fixed of all it had. A
-- finding that comes back was not fixed either. None of these is a fix.
--
-- The changes are of every severity, also where the scope keeps severe findings alone: the other half of a pair may be
-- below its severity. What is told fixed below it is not counted, because findings that are still open there are not known.

WITH
period AS (
  SELECT
    max(d.as_of) AS as_of,
    date_trunc('day', max(d.as_of)) - INTERVAL 1 DAY * (max(p.remediation_window_days) - 1) AS starts_at,
    date_trunc('day', max(d.as_of)) + INTERVAL 1 DAY AS ends_at
  FROM device_identity AS d
  CROSS JOIN policy_settings AS p
),

-- One event per finding, status and time: rows repeated for several device groups are one.
events AS (
  SELECT
    c.device_id,
    c.software_vendor,
    c.software_name,
    c.software_version,
    c.cve_id,
    lower(c.status) AS status,
    c.event_timestamp AS happened_at,
    -- Behind its rank, so that of words of one rank always the same is taken.
    coalesce(
      substr(
        max(
          concat(
            CASE lower(c.vulnerability_severity_level)
              WHEN 'critical' THEN '4' WHEN 'high' THEN '3' WHEN 'medium' THEN '2' WHEN 'low' THEN '1' ELSE '0'
            END,
            c.vulnerability_severity_level
          )
        ) FILTER (WHERE c.vulnerability_severity_level IS NOT NULL),
        2
      ),
      'unrated'
    ) AS severity,
    max(
      CASE lower(trim(c.vulnerability_severity_level))
        WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1
      END
    ) AS severity_rank,
    min(c.first_seen_timestamp) AS first_seen_at,
    bool_or(c.is_onboarded = FALSE) AS was_offboarded
  FROM software_vulnerability_changes AS c
  CROSS JOIN period AS p
  WHERE c.cve_id <> '' AND c.event_timestamp >= p.starts_at AND c.event_timestamp < p.ends_at
  GROUP BY
    c.device_id, c.software_vendor, c.software_name, c.software_version, c.cve_id, lower(c.status), c.event_timestamp
),
-- What nothing rates is never below the scope's severity.
scoped_events AS (
  SELECT e.*, coalesce(e.severity_rank < i.least_severity_rank, FALSE) AS is_below_scope
  FROM events AS e
  CROSS JOIN input_state AS i
),
-- A device that the scope leaves out has not gone, and what becomes of its findings is not known: changes that were read
-- while it was in the scope count as neither.
left_out AS (
  SELECT e.device_id
  FROM (SELECT DISTINCT device_id FROM events) AS e
  CROSS JOIN input_state AS i
  LEFT JOIN device_identity AS d ON d.device_id = e.device_id
  LEFT JOIN (SELECT DISTINCT device_id FROM devices_out_of_scope) AS o ON o.device_id = e.device_id
  WHERE d.device_id IS NULL AND (o.device_id IS NOT NULL OR i.lacks_devices_out_of_scope)
),
fixed AS (
  SELECT
    *,
    row_number() OVER (
      ORDER BY device_id, cve_id, software_vendor, software_name, software_version, happened_at
    ) AS number
  FROM scoped_events
  WHERE status = 'fixed'
),
appeared AS (
  SELECT
    *,
    row_number() OVER (
      ORDER BY device_id, cve_id, software_vendor, software_name, software_version, happened_at
    ) AS number
  FROM scoped_events
  WHERE status = 'new'
),

-- Fixed and New of the same CVE in the same product on the same device, close together.
pairs AS (
  SELECT
    f.number AS fixed_number,
    a.number AS new_number,
    f.software_version = a.software_version
    OR (f.software_version IS NULL AND a.software_version IS NULL) AS is_same_version
  FROM fixed AS f
  INNER JOIN appeared AS a
    ON a.device_id = f.device_id
    AND a.cve_id = f.cve_id
    AND a.software_vendor IS NOT DISTINCT FROM f.software_vendor
    AND a.software_name IS NOT DISTINCT FROM f.software_name
  CROSS JOIN policy_settings AS p
  WHERE a.happened_at >= f.happened_at - INTERVAL 1 HOUR * p.remediation_pairing_hours
    AND a.happened_at <= f.happened_at + INTERVAL 1 HOUR * p.remediation_pairing_hours
),
paired_fixes AS (
  SELECT fixed_number, bool_or(is_same_version) AS is_same_version FROM pairs GROUP BY fixed_number
),
-- Fixed and New of one CVE on one device at one moment, in two products.
renames AS (
  SELECT f.number AS fixed_number, a.number AS new_number
  FROM fixed AS f
  INNER JOIN appeared AS a
    ON a.device_id = f.device_id
    AND a.cve_id = f.cve_id
    AND a.happened_at = f.happened_at
  WHERE a.software_vendor IS DISTINCT FROM f.software_vendor OR a.software_name IS DISTINCT FROM f.software_name
),
-- New of the same CVE in the same product on the same device, any time after the fix.
returns AS (
  SELECT f.number AS fixed_number, a.number AS new_number
  FROM fixed AS f
  INNER JOIN appeared AS a
    ON a.device_id = f.device_id
    AND a.cve_id = f.cve_id
    AND a.software_vendor IS NOT DISTINCT FROM f.software_vendor
    AND a.software_name IS NOT DISTINCT FROM f.software_name
  WHERE a.happened_at > f.happened_at
),
-- Or still there at the snapshot: seen again after the fix, whether or not the changes told it.
still_open AS (
  SELECT DISTINCT f.number AS fixed_number
  FROM software_vulnerabilities AS v
  INNER JOIN fixed AS f
    ON v.device_id = f.device_id
    AND v.cve_id = f.cve_id
    AND v.software_vendor IS NOT DISTINCT FROM f.software_vendor
    AND v.software_name IS NOT DISTINCT FROM f.software_name
  WHERE v.last_seen_timestamp > f.happened_at
),
renamed_fixes AS (
  SELECT DISTINCT fixed_number FROM renames
),
reopened_fixes AS (
  SELECT fixed_number FROM returns
  UNION
  SELECT fixed_number FROM still_open
),
-- The other half of any of these is nothing new.
paired_news AS (
  SELECT new_number FROM pairs
  UNION
  SELECT new_number FROM renames
  UNION
  SELECT new_number FROM returns
),

fates AS (
  SELECT
    f.severity,
    CASE
      WHEN l.device_id IS NOT NULL OR f.is_below_scope THEN 'out_of_scope'
      WHEN p.is_same_version THEN 'moved'
      WHEN p.fixed_number IS NOT NULL THEN 'upgraded'
      WHEN n.fixed_number IS NOT NULL THEN 'renamed'
      WHEN o.fixed_number IS NOT NULL THEN 'reopened'
      -- The device is gone, was offboarded, gave way to another record, or had long been silent at the time of the fix.
      WHEN d.device_id IS NULL
        OR f.was_offboarded
        OR d.population IN ('merged', 'excluded', 'not_onboarded', 'duplicate')
        OR d.last_seen < f.happened_at - INTERVAL 1 DAY * s.remediation_silent_days
        THEN 'vanished'
      ELSE 'fixed'
    END AS fate,
    CASE
      WHEN f.first_seen_at <= f.happened_at
        THEN CAST(date_diff('microsecond', f.first_seen_at, f.happened_at) AS DOUBLE) / 86400000000
    END AS days_to_fix
  FROM fixed AS f
  CROSS JOIN policy_settings AS s
  LEFT JOIN paired_fixes AS p ON p.fixed_number = f.number
  LEFT JOIN renamed_fixes AS n ON n.fixed_number = f.number
  LEFT JOIN reopened_fixes AS o ON o.fixed_number = f.number
  LEFT JOIN device_identity AS d ON d.device_id = f.device_id
  LEFT JOIN left_out AS l ON l.device_id = f.device_id
  UNION ALL
  SELECT
    a.severity,
    CASE WHEN l.device_id IS NULL AND NOT a.is_below_scope THEN 'new' ELSE 'out_of_scope' END AS fate,
    NULL AS days_to_fix
  FROM appeared AS a
  LEFT JOIN paired_news AS p ON p.new_number = a.number
  LEFT JOIN left_out AS l ON l.device_id = a.device_id
  WHERE p.new_number IS NULL
  UNION ALL
  SELECT
    u.severity,
    CASE WHEN l.device_id IS NULL AND NOT u.is_below_scope THEN 'updated' ELSE 'out_of_scope' END AS fate,
    NULL AS days_to_fix
  FROM scoped_events AS u
  LEFT JOIN left_out AS l ON l.device_id = u.device_id
  WHERE u.status = 'updated'
),
leveled AS (
  SELECT severity, fate, days_to_fix FROM fates
  UNION ALL
  SELECT 'all' AS severity, fate, days_to_fix FROM fates
),
counted AS (
  SELECT
    severity,
    count(*) FILTER (WHERE fate = 'new') AS new,
    count(*) FILTER (WHERE fate = 'fixed') AS fixed,
    count(*) FILTER (WHERE fate = 'vanished') AS vanished,
    count(*) FILTER (WHERE fate = 'moved') AS moved,
    count(*) FILTER (WHERE fate = 'upgraded') AS upgraded,
    count(*) FILTER (WHERE fate = 'renamed') AS renamed,
    count(*) FILTER (WHERE fate = 'reopened') AS reopened,
    count(*) FILTER (WHERE fate = 'updated') AS updated,
    count(*) FILTER (WHERE fate = 'out_of_scope') AS out_of_scope,
    count(days_to_fix) FILTER (WHERE fate = 'fixed') AS timed,
    avg(days_to_fix) FILTER (WHERE fate = 'fixed') AS mean_days,
    median(days_to_fix) FILTER (WHERE fate = 'fixed') AS median_days
  FROM leveled
  GROUP BY severity
)

-- A day without any change has its row 'all' too.
SELECT
  l.severity,
  coalesce(c.new, 0) AS new,
  coalesce(c.fixed, 0) AS fixed,
  coalesce(c.vanished, 0) AS vanished,
  coalesce(c.moved, 0) AS moved,
  coalesce(c.upgraded, 0) AS upgraded,
  coalesce(c.renamed, 0) AS renamed,
  coalesce(c.reopened, 0) AS reopened,
  coalesce(c.updated, 0) AS updated,
  coalesce(c.out_of_scope, 0) AS out_of_scope,
  coalesce(c.timed, 0) AS timed,
  c.mean_days,
  c.median_days,
  p.starts_at AS window_start_at,
  p.ends_at AS window_end_at,
  p.as_of
FROM (SELECT DISTINCT severity FROM leveled UNION SELECT 'all' AS severity) AS l
CROSS JOIN period AS p
LEFT JOIN counted AS c ON c.severity = l.severity
ORDER BY l.severity
