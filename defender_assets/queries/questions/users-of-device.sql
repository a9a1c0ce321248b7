-- Who uses a device
-- Table: machine_users
-- $device, as in ws-000051: its name, without the domain too, or its id.
SELECT u.id AS user_id, u.last_seen, u.first_seen, u.logon_types, u.is_domain_admin, m.computer_dns_name, u.device_id
FROM machine_users AS u
JOIN machines AS m USING (device_id)
WHERE
  lower(trim($device)) IN (lower(m.computer_dns_name), lower(split_part(m.computer_dns_name, '.', 1)), m.device_id)
ORDER BY u.last_seen DESC NULLS LAST, user_id
