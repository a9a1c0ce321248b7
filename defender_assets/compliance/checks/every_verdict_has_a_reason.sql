-- every_verdict_has_a_reason: rows of verdict_reasons against the verdicts. Every machine record has a row of its identity
-- and its population, and every verdict has one that says the same; no sentence is missing.
WITH
told AS (
  SELECT
    device_id,
    count(*) FILTER (WHERE topic = 'identity') AS identities,
    count(*) FILTER (WHERE topic = 'population') AS populations,
    min(CASE WHEN topic = 'patch' THEN verdict END) AS patch_verdict,
    max(CASE WHEN topic = 'patch' THEN verdict END) AS last_patch_verdict,
    min(CASE WHEN topic = 'agent' THEN verdict END) AS agent_verdict,
    max(CASE WHEN topic = 'agent' THEN verdict END) AS last_agent_verdict,
    count(*) FILTER (WHERE sentence IS NULL) AS silent
  FROM verdict_reasons
  GROUP BY device_id
)
SELECT
  count(*) AS devices,
  count(*) FILTER (WHERE coalesce(t.identities, 0) <> 1 OR coalesce(t.populations, 0) <> 1) AS without_record,
  count(*) FILTER (
    WHERE CASE
      -- Where patch_compliance is absent a device that is judged is told that it is not known, and nobody anything else.
      WHEN p.device_id IS NULL
        THEN t.patch_verdict <> 'unknown' OR t.last_patch_verdict <> 'unknown'
          OR (a.population = 'eligible' AND t.patch_verdict IS NULL)
      ELSE t.patch_verdict IS NULL OR t.patch_verdict <> p.verdict OR t.last_patch_verdict <> p.verdict
    END
  ) AS other_patch_verdicts,
  count(*) FILTER (
    WHERE t.agent_verdict IS NULL OR t.agent_verdict <> a.verdict OR t.last_agent_verdict <> a.verdict
  ) AS other_agent_verdicts,
  count(*) FILTER (WHERE t.silent > 0) AS without_sentence
FROM agent_compliance AS a
LEFT JOIN patch_compliance AS p ON p.device_id = a.device_id
LEFT JOIN told AS t ON t.device_id = a.device_id
