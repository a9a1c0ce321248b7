-- policy_names_controls: for every control that the policy requires, whether it applies to a device.
--
-- Reads: secure_configuration, policy_required_controls.

SELECT r.configuration_id AS value, c.configuration_id IS NOT NULL AS is_there
FROM policy_required_controls AS r
LEFT JOIN (
  SELECT DISTINCT lower(configuration_id) AS configuration_id FROM secure_configuration WHERE is_applicable
) AS c ON c.configuration_id = r.configuration_id
