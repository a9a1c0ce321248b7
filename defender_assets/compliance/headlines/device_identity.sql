-- device_identity: machine records by population.
SELECT
  count(*) AS machines,
  count(*) FILTER (WHERE population = 'merged') AS merged,
  count(*) FILTER (WHERE population = 'excluded') AS excluded,
  count(*) FILTER (WHERE population = 'not_onboarded') AS not_onboarded,
  count(*) FILTER (WHERE population = 'duplicate') AS duplicate,
  count(*) FILTER (WHERE population = 'inactive') AS inactive,
  count(*) FILTER (WHERE population = 'not_assessed') AS not_assessed,
  count(*) FILTER (WHERE population = 'eligible') AS eligible
FROM device_identity
