-- Which devices are not protected? Those that were seen last come first: they are on the network now.
--
-- Reads: coverage. total: the devices that are not protected, whatever the limit.

SELECT
  device_id,
  device_name,
  os_platform,
  subnet,
  gaps,
  first_seen,
  last_seen,
  count(*) OVER () AS total
FROM coverage
WHERE population <> 'excluded' AND protection = 'unprotected'
ORDER BY last_seen DESC NULLS LAST, device_id
LIMIT 20000
