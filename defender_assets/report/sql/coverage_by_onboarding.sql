-- How many of the known devices are onboarded, and how many of these are protected?
--
-- Reads: coverage.

SELECT
  coalesce(lower(onboarding_status), '') AS onboarding,
  count(*) AS known,
  count(*) FILTER (WHERE protection = 'protected') AS protected,
  min(first_seen) AS first_seen
FROM coverage
WHERE population <> 'excluded'
GROUP BY coalesce(lower(onboarding_status), '')
ORDER BY known DESC, onboarding
