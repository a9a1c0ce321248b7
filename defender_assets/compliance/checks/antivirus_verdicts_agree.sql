-- antivirus_verdicts_agree: eligible Windows devices of agent_compliance on which Microsoft's verdict and ours differ,
-- and those on which both say something of at least one part.
WITH
counted AS (
  SELECT
    count(*) AS windows_devices,
    count(*) FILTER (
      WHERE (engine_state <> 'unknown' AND microsoft_engine_state <> 'unknown')
        OR (platform_state <> 'unknown' AND microsoft_platform_state <> 'unknown')
        OR (intelligence_state <> 'unknown' AND microsoft_intelligence_state <> 'unknown')
    ) AS compared_devices,
    count(*) FILTER (WHERE disagrees) AS disagreements
  FROM agent_compliance
  WHERE population = 'eligible' AND platform_family = 'windows'
)
SELECT
  windows_devices,
  compared_devices,
  disagreements,
  CASE WHEN windows_devices > 0 THEN 100 * CAST(disagreements AS DOUBLE) / windows_devices ELSE 0 END
    AS disagreement_pct
FROM counted
