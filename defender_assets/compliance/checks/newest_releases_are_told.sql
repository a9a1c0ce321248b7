-- newest_releases_are_told: of each component that eligible devices have, the newest release, what told it (none, where
-- nothing did), and the whole days since a list in agent_releases was last current.
WITH
told AS (
  SELECT concat('agent_', platform_family) AS component, newest_release AS release, newest_source AS source
  FROM agent_compliance
  WHERE population = 'eligible' AND platform_family IN ('windows', 'macos', 'linux')
  UNION ALL
  SELECT 'av_engine' AS component, newest_engine AS release, newest_engine_source AS source
  FROM agent_compliance
  WHERE population = 'eligible' AND platform_family = 'windows'
  UNION ALL
  SELECT 'av_platform' AS component, newest_platform AS release, newest_platform_source AS source
  FROM agent_compliance
  WHERE population = 'eligible' AND platform_family = 'windows'
  UNION ALL
  SELECT 'av_intelligence' AS component, newest_intelligence AS release, newest_intelligence_source AS source
  FROM agent_compliance
  WHERE population = 'eligible' AND platform_family = 'windows'
),
newest AS (
  SELECT component, max(release) AS release, coalesce(max(source), 'none') AS source FROM told GROUP BY component
),
listed AS (
  SELECT component, max(coalesce(listed_at, observed_at)) AS listed_at FROM agent_releases GROUP BY component
),
components AS (
  SELECT
    n.component,
    n.release,
    n.source,
    -- Whole days: 86,400,000,000 microseconds each.
    date_diff('microsecond', l.listed_at, s.as_of) // 86400000000 AS listed_days
  FROM newest AS n
  CROSS JOIN (SELECT max(as_of) AS as_of FROM agent_compliance) AS s
  LEFT JOIN listed AS l ON l.component = n.component
)
SELECT
  max(release) FILTER (WHERE component = 'agent_windows') AS agent_windows,
  max(source) FILTER (WHERE component = 'agent_windows') AS agent_windows_source,
  max(listed_days) FILTER (WHERE component = 'agent_windows') AS agent_windows_listed_days,
  max(release) FILTER (WHERE component = 'agent_macos') AS agent_macos,
  max(source) FILTER (WHERE component = 'agent_macos') AS agent_macos_source,
  max(listed_days) FILTER (WHERE component = 'agent_macos') AS agent_macos_listed_days,
  max(release) FILTER (WHERE component = 'agent_linux') AS agent_linux,
  max(source) FILTER (WHERE component = 'agent_linux') AS agent_linux_source,
  max(listed_days) FILTER (WHERE component = 'agent_linux') AS agent_linux_listed_days,
  max(release) FILTER (WHERE component = 'av_engine') AS av_engine,
  max(source) FILTER (WHERE component = 'av_engine') AS av_engine_source,
  max(listed_days) FILTER (WHERE component = 'av_engine') AS av_engine_listed_days,
  max(release) FILTER (WHERE component = 'av_platform') AS av_platform,
  max(source) FILTER (WHERE component = 'av_platform') AS av_platform_source,
  max(listed_days) FILTER (WHERE component = 'av_platform') AS av_platform_listed_days,
  max(release) FILTER (WHERE component = 'av_intelligence') AS av_intelligence,
  max(source) FILTER (WHERE component = 'av_intelligence') AS av_intelligence_source,
  max(listed_days) FILTER (WHERE component = 'av_intelligence') AS av_intelligence_listed_days
FROM components
