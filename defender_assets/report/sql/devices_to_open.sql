-- Of which devices does the page tell everything, those that need somebody most first?
--
-- Reads: device_identity, patch_compliance, agent_compliance, policy_compliance (all but the first may be empty). total:
-- the machine records there are, whatever the limit. Noncompliant devices come first, those with the most critical
-- findings overdue before others; then those of which something is not known; then those that are not judged.

SELECT
  d.device_id,
  d.rbac_group_name AS group_name,
  d.os_platform,
  d.last_seen,
  d.population,
  p.verdict AS patch_verdict,
  a.verdict AS agent_verdict,
  c.verdict AS configuration_verdict,
  count(*) OVER () AS total
FROM device_identity AS d
LEFT JOIN patch_compliance AS p ON p.device_id = d.device_id
LEFT JOIN agent_compliance AS a ON a.device_id = d.device_id
LEFT JOIN policy_compliance AS c ON c.device_id = d.device_id
ORDER BY
  CASE
    WHEN p.verdict = 'noncompliant' THEN 0
    WHEN a.verdict = 'noncompliant' OR c.verdict = 'noncompliant' THEN 1
    WHEN d.population = 'eligible' AND (p.verdict = 'unknown' OR a.verdict = 'unknown' OR c.verdict = 'unknown') THEN 2
    WHEN d.population <> 'eligible' THEN 3
    ELSE 4
  END,
  p.overdue_critical DESC NULLS LAST,
  p.overdue_findings DESC NULLS LAST,
  p.oldest_overdue_days DESC NULLS LAST,
  d.device_id
LIMIT 10000
