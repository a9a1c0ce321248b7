-- policy_compliance: verdicts of eligible devices, and the records left out of the percentages.
SELECT
  count(*) FILTER (WHERE population = 'eligible') AS eligible,
  count(*) FILTER (WHERE population = 'eligible' AND verdict = 'compliant') AS compliant,
  count(*) FILTER (WHERE population = 'eligible' AND verdict = 'noncompliant') AS noncompliant,
  count(*) FILTER (WHERE population = 'eligible' AND verdict = 'unknown') AS unknown,
  count(*) FILTER (WHERE population <> 'eligible') AS not_eligible
FROM policy_compliance
