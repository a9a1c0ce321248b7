-- Why are agents noncompliant or unknown, the most common reason first? A device may have several reasons.
--
-- Reads: agent_compliance.

SELECT reason, count(*) AS devices
FROM (
  SELECT unnest(reasons) AS reason
  FROM agent_compliance
  WHERE population = 'eligible' AND verdict <> 'compliant'
) AS given
GROUP BY reason
ORDER BY devices DESC, reason
