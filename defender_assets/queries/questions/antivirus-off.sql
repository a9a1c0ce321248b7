-- Devices whose antivirus is not active
--
-- Passive, disabled or unknown. A passive antivirus is right where another product protects the device.
-- Table: agent_compliance
SELECT
  d.device_name, coalesce(d.av_mode, 'unknown') AS antivirus, d.os_platform, d.rbac_group_name, d.last_seen, a.device_id
FROM agent_compliance AS a
JOIN devices AS d USING (device_id)
WHERE a.population = 'eligible' AND a.platform_family = 'windows' AND d.av_mode IS DISTINCT FROM 'active'
ORDER BY antivirus, d.device_name
