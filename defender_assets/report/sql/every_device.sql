-- What is every machine record of the day, and how was it judged? Those with the most critical findings overdue first.
--
-- Reads: device_identity, patch_compliance (may be empty), agent_compliance (may be empty), policy_compliance (may be
-- empty).

SELECT
  d.device_id,
  d.device_name,
  d.rbac_group_name AS device_group,
  d.platform_family,
  d.os_platform,
  d.population,
  d.onboarding_status,
  d.health_status,
  d.last_seen,
  p.verdict AS patch_verdict,
  a.verdict AS agent_verdict,
  c.verdict AS policy_verdict,
  p.open_findings,
  p.overdue_findings,
  p.overdue_critical,
  p.overdue_high,
  p.due_soon_findings,
  p.kev_findings,
  p.oldest_overdue_days,
  p.next_due_at,
  p.unsupported_software,
  a.agent_version,
  a.agent_state,
  a.sensor_state,
  a.engine_state,
  a.platform_state,
  a.intelligence_state,
  c.controls_applicable,
  c.controls_compliant
FROM device_identity AS d
LEFT JOIN patch_compliance AS p ON p.device_id = d.device_id
LEFT JOIN agent_compliance AS a ON a.device_id = d.device_id
LEFT JOIN policy_compliance AS c ON c.device_id = d.device_id
ORDER BY
  p.overdue_critical DESC NULLS LAST,
  p.overdue_findings DESC NULLS LAST,
  p.oldest_overdue_days DESC NULLS LAST,
  d.device_id
