-- Devices that were not seen for some days
--
-- Duplicates and merged records are left out: another record stands for the device.
-- Table: devices
-- $days = 14: whole days without a full report, at least.
SELECT device_name, days_silent, last_seen, os_platform, rbac_group_name, health_status, device_id
FROM devices
WHERE days_silent >= CAST($days AS INTEGER) AND population NOT IN ('duplicate', 'merged')
ORDER BY days_silent DESC, device_name
