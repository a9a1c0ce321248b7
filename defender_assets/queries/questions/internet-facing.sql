-- Devices that face the internet, with their findings
--
-- By the tag that the service gives (internetFacing), in any case.
-- Table: devices
SELECT device_name, open_findings, overdue_findings, kev_findings, patch_verdict, os_platform, rbac_group_name, device_id
FROM devices
WHERE list_contains(list_transform(machine_tags, lambda tag: lower(tag)), 'internetfacing')
ORDER BY open_findings DESC NULLS LAST, device_name
