-- Which security settings that the policy requires fail, and where
-- Table: policy_compliance
SELECT
  p.configuration_id, count(*) AS devices, string_agg(d.device_name, ', ' ORDER BY d.device_name) AS device_names
FROM (SELECT device_id, unnest(failed_required_control_ids) AS configuration_id FROM policy_compliance) AS p
JOIN devices AS d USING (device_id)
WHERE d.population = 'eligible'
GROUP BY p.configuration_id
ORDER BY devices DESC, p.configuration_id
