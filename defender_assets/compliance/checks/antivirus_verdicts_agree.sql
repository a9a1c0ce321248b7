-- antivirus_verdicts_agree: eligible Windows devices of agent_compliance on which Microsoft's verdict and ours differ.
WITH
counted AS (
  SELECT count(*) AS windows_devices, count(*) FILTER (WHERE disagrees) AS disagreements
  FROM agent_compliance
  WHERE population = 'eligible' AND platform_family = 'windows'
)
SELECT
  windows_devices,
  disagreements,
  CASE WHEN windows_devices > 0 THEN 100 * CAST(disagreements AS DOUBLE) / windows_devices ELSE 0 END
    AS disagreement_pct
FROM counted
