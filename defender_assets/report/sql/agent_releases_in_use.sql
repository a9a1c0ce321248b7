-- Which agent releases do eligible devices run, newest first?
--
-- Reads: agent_compliance. total: the releases there are, whatever the limit.

WITH
releases AS (
  SELECT
    platform_family,
    agent_release,
    agent_state,
    count(*) AS devices,
    max(releases_behind) AS releases_behind,
    max(agent_age_months) AS agent_age_months
  FROM agent_compliance
  WHERE population = 'eligible'
  GROUP BY platform_family, agent_release, agent_state
),
ranked AS (
  SELECT
    platform_family,
    agent_release,
    agent_state,
    devices,
    releases_behind,
    agent_age_months,
    sum(devices) OVER (PARTITION BY platform_family) AS platform_devices,
    count(*) OVER () AS total
  FROM releases
)

SELECT platform_family, agent_release, agent_state, devices, releases_behind, agent_age_months, total
FROM ranked
ORDER BY
  platform_devices DESC,
  platform_family NULLS LAST,
  releases_behind NULLS LAST,
  agent_age_months NULLS LAST,
  length(agent_release) DESC NULLS LAST,
  agent_release DESC NULLS LAST,
  agent_state
LIMIT 20000
