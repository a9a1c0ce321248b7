-- Browser extensions of high risk
-- Table: browser_extensions
SELECT
  extension_name,
  extension_vendor,
  extension_risk,
  string_agg(DISTINCT browser_name, ', ' ORDER BY browser_name) AS browsers,
  count(DISTINCT device_id) AS devices,
  count(DISTINCT device_id) FILTER (WHERE is_activated) AS devices_activated,
  extension_id
FROM browser_extensions
WHERE lower(extension_risk) IN ('high', 'critical')
GROUP BY extension_id, extension_name, extension_vendor, extension_risk
ORDER BY devices DESC, extension_name
