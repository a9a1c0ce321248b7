-- How many of the known devices of each platform are protected?
--
-- Reads: coverage. Devices that are excluded in the portal are counted beside the others.

SELECT
  platform_family,
  count(*) FILTER (WHERE population <> 'excluded') AS known,
  count(*) FILTER (WHERE population <> 'excluded' AND protection = 'protected') AS protected,
  count(*) FILTER (WHERE population <> 'excluded' AND protection = 'partly') AS partly,
  count(*) FILTER (WHERE population <> 'excluded' AND protection = 'unprotected') AS unprotected,
  count(*) FILTER (WHERE population <> 'excluded' AND protection = 'unknown') AS unknown,
  count(*) FILTER (WHERE population = 'excluded') AS excluded
FROM coverage
GROUP BY platform_family
ORDER BY known DESC, platform_family
