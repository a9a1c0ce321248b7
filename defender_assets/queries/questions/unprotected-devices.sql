-- Devices that are not protected, or only in part, and what they lack
-- Table: coverage
SELECT device_name, protection, gaps, onboarding_status, os_platform, last_seen, subnet, device_id
FROM coverage
WHERE protection IS DISTINCT FROM 'protected'
ORDER BY protection, last_seen DESC NULLS LAST, device_name
