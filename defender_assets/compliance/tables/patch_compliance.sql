-- patch_compliance: one verdict per machine record, with its reasons.
--
-- Reads: device_identity, patch_findings, software_inventory (may be empty), policy_settings, policy_exemptions,
-- policy_exemption_devices, policy_exemption_products.
--
-- A product is past its end of support when its date is over (a calendar date means the end of that day in UTC), or when
-- the service says so, whatever the date. An exemption that names no CVE covers such products as it covers findings: all
-- of its devices, or those products that it names.

WITH
counted AS (
  SELECT
    device_id,
    count(*) AS open_findings,
    count(*) FILTER (WHERE state = 'overdue') AS overdue_findings,
    count(*) FILTER (WHERE state = 'overdue' AND rated_severity = 'critical') AS overdue_critical,
    count(*) FILTER (WHERE state = 'overdue' AND rated_severity = 'high') AS overdue_high,
    count(*) FILTER (WHERE state = 'due_soon') AS due_soon_findings,
    count(*) FILTER (WHERE state = 'exempt') AS exempt_findings,
    count(*) FILTER (WHERE state = 'accepted') AS accepted_findings,
    count(*) FILTER (WHERE undecided) AS undecided_findings,
    -- Null where the catalogue was absent or too old: then not every finding says yes or no.
    CASE WHEN count(in_kev) = count(*) THEN count(*) FILTER (WHERE in_kev) END AS kev_findings,
    max(days_overdue) AS oldest_overdue_days,
    min(due_at) FILTER (WHERE state IN ('on_time', 'due_soon')) AS next_due_at
  FROM patch_findings
  GROUP BY device_id
),

-- Software past its end of support, and what of it an exemption covers.
snapshot AS (
  SELECT max(as_of) AS as_of FROM device_identity
),
inventoried AS (
  SELECT DISTINCT device_id FROM software_inventory
),
ended AS (
  SELECT DISTINCT i.device_id, i.software_vendor, i.software_name, i.software_version
  FROM software_inventory AS i
  CROSS JOIN snapshot AS s
  WHERE date_trunc('day', i.end_of_support_date) + INTERVAL 1 DAY <= s.as_of
    OR lower(trim(i.end_of_support_status)) IN ('eos version', 'eos software')
),
exemptions AS (
  SELECT e.*
  FROM policy_exemptions AS e
  CROSS JOIN snapshot AS s
  WHERE s.as_of <= e.expires_at AND NOT e.names_cves
),
device_names AS (
  SELECT device_id, 'device' AS kind, lower(device_id) AS value FROM device_identity
  UNION ALL
  SELECT device_id, 'device' AS kind, lower(device_name) AS value FROM device_identity
  UNION ALL
  SELECT device_id, 'group' AS kind, lower(rbac_group_name) AS value FROM device_identity
  UNION ALL
  SELECT device_id, 'tag' AS kind, lower(tag) AS value
  FROM (SELECT device_id, unnest(machine_tags) AS tag FROM device_identity) AS tagged
),
exempt_devices AS (
  SELECT x.position, n.device_id
  FROM device_names AS n
  INNER JOIN policy_exemption_devices AS x ON x.kind = n.kind AND x.value = n.value
  INNER JOIN exemptions AS e ON e.position = x.position
  GROUP BY x.position, n.device_id
  HAVING count(DISTINCT n.kind) = max(e.device_kinds)
),
covered AS (
  SELECT i.device_id, i.software_vendor, i.software_name, i.software_version
  FROM ended AS i
  INNER JOIN policy_exemption_products AS p
    ON p.software_name = lower(i.software_name)
    AND (p.software_vendor IS NULL OR p.software_vendor = lower(i.software_vendor))
    AND (p.software_version IS NULL OR p.software_version = lower(i.software_version))
  INNER JOIN exemptions AS e ON e.position = p.position
  LEFT JOIN exempt_devices AS d ON d.position = p.position AND d.device_id = i.device_id
  WHERE e.device_kinds = 0 OR d.device_id IS NOT NULL
  UNION
  SELECT i.device_id, i.software_vendor, i.software_name, i.software_version
  FROM ended AS i
  INNER JOIN exempt_devices AS d ON d.device_id = i.device_id
  INNER JOIN exemptions AS e ON e.position = d.position
  WHERE NOT e.names_products
),
unsupported AS (
  SELECT device_id, count(*) AS products, count(*) FILTER (WHERE NOT counts) AS exempt_products
  FROM (
    SELECT i.device_id, i.software_vendor, i.software_name, bool_or(c.device_id IS NULL) AS counts
    FROM ended AS i
    LEFT JOIN covered AS c
      ON c.device_id = i.device_id
      AND c.software_vendor IS NOT DISTINCT FROM i.software_vendor
      AND c.software_name IS NOT DISTINCT FROM i.software_name
      AND c.software_version IS NOT DISTINCT FROM i.software_version
    GROUP BY i.device_id, i.software_vendor, i.software_name
  ) AS product
  GROUP BY device_id
),

judged AS (
  SELECT
    d.device_id,
    d.population,
    d.population = 'eligible' AS is_eligible,
    coalesce(c.open_findings, 0) AS open_findings,
    coalesce(c.overdue_findings, 0) AS overdue_findings,
    coalesce(c.overdue_critical, 0) AS overdue_critical,
    coalesce(c.overdue_high, 0) AS overdue_high,
    coalesce(c.due_soon_findings, 0) AS due_soon_findings,
    coalesce(c.exempt_findings, 0) AS exempt_findings,
    coalesce(c.accepted_findings, 0) AS accepted_findings,
    coalesce(c.undecided_findings, 0) AS undecided_findings,
    CASE WHEN c.device_id IS NULL THEN 0 ELSE c.kev_findings END AS kev_findings,
    CASE WHEN i.device_id IS NOT NULL THEN coalesce(u.products, 0) END AS unsupported_software,
    CASE WHEN i.device_id IS NOT NULL THEN coalesce(u.exempt_products, 0) END AS exempt_unsupported_software,
    p.unsupported_software = 'noncompliant' AND coalesce(u.products - u.exempt_products, 0) > 0 AS fails_by_software,
    p.unsupported_software = 'noncompliant' AND i.device_id IS NULL AS lacks_inventory,
    c.oldest_overdue_days,
    c.next_due_at,
    p.policy,
    d.as_of
  FROM device_identity AS d
  CROSS JOIN policy_settings AS p
  LEFT JOIN counted AS c ON c.device_id = d.device_id
  LEFT JOIN inventoried AS i ON i.device_id = d.device_id
  LEFT JOIN unsupported AS u ON u.device_id = d.device_id
),
verdicts AS (
  SELECT
    *,
    CASE
      WHEN NOT is_eligible THEN 'unknown'
      WHEN overdue_findings > 0 OR fails_by_software THEN 'noncompliant'
      WHEN undecided_findings > 0 OR lacks_inventory THEN 'unknown'
      ELSE 'compliant'
    END AS verdict
  FROM judged
),
explained AS (
  SELECT device_id, list_sort(list(reason)) AS reasons
  FROM (
    SELECT device_id, concat('population_', population) AS reason FROM verdicts WHERE NOT is_eligible
    UNION ALL
    SELECT device_id, 'overdue_findings' AS reason FROM verdicts WHERE is_eligible AND overdue_findings > 0
    UNION ALL
    SELECT device_id, 'unsupported_software' AS reason FROM verdicts WHERE is_eligible AND fails_by_software
    UNION ALL
    SELECT device_id, 'undecided_findings' AS reason FROM verdicts WHERE is_eligible AND undecided_findings > 0
    UNION ALL
    SELECT device_id, 'inventory_unknown' AS reason FROM verdicts WHERE is_eligible AND lacks_inventory
  ) AS told
  GROUP BY device_id
)

SELECT
  v.device_id,
  v.population,
  v.verdict,
  coalesce(e.reasons, []) AS reasons,
  v.open_findings,
  v.overdue_findings,
  v.overdue_critical,
  v.overdue_high,
  v.due_soon_findings,
  v.exempt_findings,
  v.accepted_findings,
  v.undecided_findings,
  v.kev_findings,
  v.unsupported_software,
  v.exempt_unsupported_software,
  v.oldest_overdue_days,
  v.next_due_at,
  v.policy,
  v.as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM verdicts AS v
LEFT JOIN explained AS e ON e.device_id = v.device_id
ORDER BY v.device_id
