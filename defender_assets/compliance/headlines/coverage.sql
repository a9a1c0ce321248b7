-- coverage: protected of known; records that are excluded in the portal are counted apart.
SELECT
  count(*) FILTER (WHERE population <> 'excluded') AS known,
  count(*) FILTER (WHERE population <> 'excluded' AND protection = 'protected') AS protected,
  count(*) FILTER (WHERE population <> 'excluded' AND protection = 'partly') AS partly,
  count(*) FILTER (WHERE population <> 'excluded' AND protection = 'unprotected') AS unprotected,
  count(*) FILTER (WHERE population <> 'excluded' AND protection = 'unknown') AS unknown,
  count(*) FILTER (WHERE population = 'not_onboarded') AS not_onboarded,
  count(*) FILTER (WHERE population = 'excluded') AS excluded
FROM coverage
