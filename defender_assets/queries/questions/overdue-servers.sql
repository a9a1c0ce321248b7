-- Servers with overdue findings
--
-- Windows Server and Linux.
-- Table: devices
SELECT device_name, overdue_findings, kev_findings, open_findings, patch_verdict, os_platform, rbac_group_name, device_id
FROM devices
WHERE is_server AND overdue_findings > 0
ORDER BY overdue_findings DESC, device_name
