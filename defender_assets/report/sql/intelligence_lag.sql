-- By how many known versions is the security intelligence of eligible Windows devices behind the newest?
--
-- Reads: agent_compliance.

SELECT
  count(intelligence_releases_behind) AS devices,
  median(intelligence_releases_behind) AS median_behind,
  max(intelligence_releases_behind) AS most_behind
FROM agent_compliance
WHERE population = 'eligible'
