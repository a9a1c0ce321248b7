-- Devices that have several machine records
-- Table: device_identity
SELECT
  s.device_name AS primary_device_name,
  s.last_seen AS primary_last_seen,
  i.device_name,
  i.population,
  i.last_seen,
  i.device_id,
  i.primary_device_id
FROM device_identity AS i
LEFT JOIN device_identity AS s ON s.device_id = i.primary_device_id
WHERE i.population IN ('duplicate', 'merged')
ORDER BY primary_device_name, i.last_seen DESC NULLS LAST
