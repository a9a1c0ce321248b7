-- Why are agents noncompliant, the most common reason first? A device may have several reasons.
--
-- Reads: agent_compliance.

SELECT reason, count(*) AS devices
FROM (
  SELECT unnest(reasons) AS reason
  FROM agent_compliance
  WHERE population = 'eligible' AND verdict = 'noncompliant'
) AS given
GROUP BY reason
ORDER BY devices DESC, reason
