-- Which device groups are patch compliant, those with the most noncompliant devices first?
--
-- Reads: device_identity, patch_compliance. total: the groups there are, whatever the limit. kev_devices is null where
-- the KEV catalogue was absent or too old.

SELECT
  d.rbac_group_name AS name,
  count(*) FILTER (WHERE d.population = 'eligible') AS eligible,
  count(*) FILTER (WHERE p.population = 'eligible' AND p.verdict = 'compliant') AS compliant,
  count(*) FILTER (WHERE p.population = 'eligible' AND p.verdict = 'noncompliant') AS noncompliant,
  count(*) FILTER (WHERE p.population = 'eligible' AND p.verdict = 'unknown') AS unknown,
  CAST(coalesce(sum(p.overdue_findings) FILTER (WHERE p.population = 'eligible'), 0) AS BIGINT) AS overdue_findings,
  CAST(coalesce(sum(p.overdue_critical) FILTER (WHERE p.population = 'eligible'), 0) AS BIGINT) AS overdue_critical,
  CASE
    WHEN count(*) FILTER (WHERE p.population = 'eligible' AND p.kev_findings IS NULL) = 0
      THEN count(*) FILTER (WHERE p.population = 'eligible' AND p.kev_findings > 0)
  END AS kev_devices,
  count(*) FILTER (WHERE d.population <> 'eligible') AS left_out,
  count(*) OVER () AS total
FROM device_identity AS d
LEFT JOIN patch_compliance AS p ON p.device_id = d.device_id
GROUP BY d.rbac_group_name
ORDER BY noncompliant DESC, eligible DESC, name NULLS LAST
LIMIT 20000
