-- patch_compliance: verdicts of eligible devices, those with unsupported software, and the records left out of the
-- percentages.
SELECT
  count(*) FILTER (WHERE population = 'eligible') AS eligible,
  count(*) FILTER (WHERE population = 'eligible' AND verdict = 'compliant') AS compliant,
  count(*) FILTER (WHERE population = 'eligible' AND verdict = 'noncompliant') AS noncompliant,
  count(*) FILTER (WHERE population = 'eligible' AND verdict = 'unknown') AS unknown,
  count(*) FILTER (WHERE population <> 'eligible') AS not_eligible,
  -- Null where no device has an inventory: not known, and not none.
  CASE
    WHEN count(unsupported_software) > 0
      THEN count(*) FILTER (WHERE population = 'eligible' AND unsupported_software > 0)
  END AS unsupported_software
FROM patch_compliance
