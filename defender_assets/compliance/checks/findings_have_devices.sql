-- findings_have_devices: rows of patch_findings whose device has no row in device_identity.
SELECT
  count(*) AS findings,
  count(*) FILTER (WHERE d.device_id IS NULL) AS without_device,
  count(DISTINCT f.device_id) FILTER (WHERE d.device_id IS NULL) AS unknown_devices
FROM patch_findings AS f
LEFT JOIN (SELECT DISTINCT device_id FROM device_identity) AS d ON d.device_id = f.device_id
