-- Devices first seen in the last days
-- Table: devices
-- $days = 7: how many days before the newest snapshot.
SELECT device_name, first_seen, os_platform, rbac_group_name, onboarding_status, device_id
FROM devices
WHERE first_seen > as_of - to_days(CAST($days AS INTEGER))
ORDER BY first_seen DESC, device_name
