-- Who has logged on to each device, those seen last first?
--
-- Reads: machine_users, opened_devices (device_id). total: the users that the device has, of which 10 are told.

SELECT u.device_id, u.account_name, u.account_domain, u.logon_types, u.is_domain_admin, u.last_seen, u.total
FROM (
  SELECT
    m.machine_id AS device_id,
    m.account_name,
    m.account_domain,
    m.logon_types,
    m.is_domain_admin,
    m.last_seen,
    count(*) OVER (PARTITION BY m.machine_id) AS total,
    row_number() OVER (PARTITION BY m.machine_id ORDER BY m.last_seen DESC NULLS LAST, m.id) AS place
  FROM machine_users AS m
  INNER JOIN opened_devices AS o ON o.device_id = m.machine_id
) AS u
WHERE u.place <= 10
ORDER BY u.device_id, u.place
