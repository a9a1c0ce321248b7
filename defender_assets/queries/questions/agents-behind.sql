-- Which agents are behind, and by how many releases
-- Table: agent_compliance
SELECT
  d.device_name,
  a.agent_state,
  a.releases_behind,
  a.agent_age_months,
  a.agent_version,
  a.newest_release,
  a.platform_family,
  a.verdict,
  a.device_id
FROM agent_compliance AS a
JOIN devices AS d USING (device_id)
WHERE a.population = 'eligible' AND a.agent_state IN ('behind', 'unsupported')
ORDER BY a.agent_state DESC, a.releases_behind DESC NULLS LAST, d.device_name
