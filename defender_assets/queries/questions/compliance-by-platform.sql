-- Verdicts by platform
-- Table: devices
SELECT
  platform_family,
  count(*) AS devices,
  count(*) FILTER (WHERE patch_verdict = 'compliant') AS patch_compliant,
  count(*) FILTER (WHERE agent_verdict = 'compliant') AS agent_compliant,
  count(*) FILTER (WHERE policy_verdict = 'compliant') AS policy_compliant,
  count(*) FILTER (WHERE patch_verdict = 'compliant' AND agent_verdict = 'compliant' AND policy_verdict = 'compliant')
    AS compliant_in_all
FROM devices
WHERE population = 'eligible'
GROUP BY platform_family
ORDER BY devices DESC, platform_family
