-- In which subnets are the most devices not protected?
--
-- Reads: coverage. total: the subnets with such a device, whatever the limit.

SELECT
  subnet,
  count(*) AS known,
  count(*) FILTER (WHERE protection = 'unprotected') AS unprotected,
  count(*) FILTER (WHERE protection = 'unprotected' AND population = 'not_onboarded') AS not_onboarded,
  count(*) OVER () AS total
FROM coverage
WHERE population <> 'excluded'
GROUP BY subnet
HAVING count(*) FILTER (WHERE protection = 'unprotected') > 0
ORDER BY unprotected DESC, known DESC, subnet NULLS LAST
LIMIT 20000
