-- Which machine records are not judged, why, and which record stands for them?
--
-- Reads: device_identity. total: the records left out, whatever the limit. Populations come in the reverse of the order
-- in which they are tried: what somebody can do something about comes first.

SELECT
  d.device_id,
  d.device_name,
  d.population,
  d.os_platform,
  d.onboarding_status,
  d.last_seen,
  CASE
    WHEN d.primary_device_id <> d.device_id THEN coalesce(p.device_name, d.primary_device_id)
  END AS primary_name,
  count(*) OVER () AS total
FROM device_identity AS d
LEFT JOIN device_identity AS p ON p.device_id = d.primary_device_id
WHERE d.population <> 'eligible'
ORDER BY
  CASE d.population
    WHEN 'merged' THEN 0
    WHEN 'excluded' THEN 1
    WHEN 'not_onboarded' THEN 2
    WHEN 'duplicate' THEN 3
    WHEN 'inactive' THEN 4
    WHEN 'not_assessed' THEN 5
  END DESC NULLS LAST,
  d.last_seen DESC NULLS LAST,
  d.device_id
LIMIT 20000
