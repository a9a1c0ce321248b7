-- endpoint_status: onboarded records that are not merged, excluded or duplicates: how many are healthy, managed.
SELECT
  count(*) AS onboarded,
  count(*) FILTER (WHERE sensor_state = 'healthy') AS healthy,
  count(*) FILTER (WHERE is_managed) AS managed
FROM endpoint_status
WHERE population IN ('inactive', 'not_assessed', 'eligible')
