-- endpoint_status: is the device reporting, is it onboarded, how much at risk, who manages it.
--
-- Reads: machines, device_identity.

SELECT
  d.device_id,
  d.device_name,
  d.population,
  d.platform_family,
  d.os_platform,
  m.first_seen,
  d.last_seen,
  -- A clock that is more than a day ahead says nothing.
  CASE
    WHEN d.last_seen > d.as_of + INTERVAL 1 DAY THEN NULL
    WHEN d.last_seen > d.as_of THEN 0
    ELSE date_diff('microsecond', d.last_seen, d.as_of) // 86400000000
  END AS days_silent,
  d.health_status,
  CASE
    WHEN lower(d.health_status) = 'active' THEN 'healthy'
    WHEN lower(d.health_status) = 'inactive' THEN 'inactive'
    WHEN lower(d.health_status) IN ('impairedcommunication', 'nosensordata', 'nosensordataimpairedcommunication')
      THEN 'impaired'
    ELSE 'unknown'
  END AS sensor_state,
  d.onboarding_status,
  m.risk_score,
  m.exposure_level,
  m.device_value,
  m.managed_by,
  m.managed_by_status,
  coalesce(lower(m.managed_by) IN ('intune', 'microsoftdefenderforendpoint'), FALSE) AS is_managed,
  d.as_of
FROM device_identity AS d
INNER JOIN machines AS m ON m.id = d.device_id
ORDER BY d.device_id
