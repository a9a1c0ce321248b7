-- Which devices are noncompliant in anything, those with the most critical findings overdue first?
--
-- Reads: device_identity, patch_compliance, agent_compliance, policy_compliance (some of the last three may be empty).
-- total: the noncompliant devices there are, whatever the limit.

SELECT
  d.device_id,
  d.device_name,
  d.rbac_group_name AS group_name,
  d.os_platform,
  p.verdict AS patch_verdict,
  a.verdict AS agent_verdict,
  c.verdict AS configuration_verdict,
  p.overdue_findings,
  p.overdue_critical,
  count(*) OVER () AS total
FROM device_identity AS d
LEFT JOIN patch_compliance AS p ON p.device_id = d.device_id
LEFT JOIN agent_compliance AS a ON a.device_id = d.device_id
LEFT JOIN policy_compliance AS c ON c.device_id = d.device_id
WHERE p.verdict = 'noncompliant' OR a.verdict = 'noncompliant' OR c.verdict = 'noncompliant'
ORDER BY
  CASE WHEN p.verdict = 'noncompliant' THEN 0 ELSE 1 END,
  p.overdue_critical DESC NULLS LAST,
  p.overdue_findings DESC NULLS LAST,
  p.oldest_overdue_days DESC NULLS LAST,
  d.device_id
LIMIT 20000
