-- In which state are the agents of the eligible devices, platform by platform, the most common platform first?
--
-- Reads: agent_compliance.

SELECT
  platform_family,
  count(*) AS devices,
  count(*) FILTER (WHERE agent_state = 'current') AS current,
  count(*) FILTER (WHERE agent_state = 'behind') AS behind,
  count(*) FILTER (WHERE agent_state = 'unsupported') AS unsupported,
  count(*) FILTER (WHERE agent_state = 'unknown') AS unknown,
  count(*) FILTER (WHERE verdict = 'compliant') AS compliant,
  count(*) FILTER (WHERE verdict = 'noncompliant') AS noncompliant,
  max(newest_release) AS newest_release,
  max(newest_source) AS newest_source
FROM agent_compliance
WHERE population = 'eligible'
GROUP BY platform_family
ORDER BY devices DESC, platform_family NULLS LAST
