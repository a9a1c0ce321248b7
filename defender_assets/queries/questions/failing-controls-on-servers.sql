-- Which security settings fail on servers
-- Table: secure_configuration
SELECT
  s.configuration_id,
  any_value(s.configuration_name) AS configuration_name,
  count(DISTINCT s.device_id) AS servers,
  max(s.configuration_impact) AS impact
FROM secure_configuration AS s
JOIN devices AS d USING (device_id)
WHERE d.is_server AND s.is_applicable AND NOT s.is_compliant
GROUP BY s.configuration_id
ORDER BY servers DESC, s.configuration_id
