-- How fresh are engine, platform and security intelligence on eligible Windows devices, by our verdict and Microsoft's?
--
-- Reads: agent_compliance. One row for each of the three parts.

WITH
windows AS (
  SELECT
    engine_state,
    microsoft_engine_state,
    newest_engine,
    newest_engine_source,
    platform_state,
    microsoft_platform_state,
    newest_platform,
    newest_platform_source,
    intelligence_state,
    microsoft_intelligence_state,
    newest_intelligence,
    newest_intelligence_source
  FROM agent_compliance
  WHERE population = 'eligible' AND platform_family = 'windows'
),
parts AS (
  SELECT 1 AS place, 'engine' AS part, engine_state AS ours, microsoft_engine_state AS microsofts,
    newest_engine AS newest, newest_engine_source AS source FROM windows
  UNION ALL
  SELECT 2 AS place, 'platform' AS part, platform_state AS ours, microsoft_platform_state AS microsofts,
    newest_platform AS newest, newest_platform_source AS source FROM windows
  UNION ALL
  SELECT 3 AS place, 'intelligence' AS part, intelligence_state AS ours, microsoft_intelligence_state AS microsofts,
    newest_intelligence AS newest, newest_intelligence_source AS source
  FROM windows
)

SELECT
  part,
  count(*) FILTER (WHERE ours = 'up_to_date') AS up_to_date,
  count(*) FILTER (WHERE ours = 'out_of_date') AS out_of_date,
  count(*) FILTER (WHERE ours = 'unknown') AS unknown,
  count(*) FILTER (WHERE microsofts = 'up_to_date') AS microsoft_up_to_date,
  count(*) FILTER (WHERE microsofts = 'out_of_date') AS microsoft_out_of_date,
  count(*) FILTER (WHERE microsofts = 'unknown') AS microsoft_unknown,
  count(*) FILTER (WHERE ours = 'out_of_date' AND microsofts = 'up_to_date') AS only_microsoft_up_to_date,
  count(*) FILTER (WHERE ours = 'up_to_date' AND microsofts = 'out_of_date') AS only_we_up_to_date,
  max(newest) AS newest,
  max(source) AS newest_source
FROM parts
GROUP BY place, part
ORDER BY place
