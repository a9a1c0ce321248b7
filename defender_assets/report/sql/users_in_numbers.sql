-- How many users are known, and what of them is worth a look?
--
-- Reads: users, devices (may be empty). known: the eligible devices of which the number of users is known.

SELECT
  u.users,
  u.domain_admins,
  u.on_noncompliant,
  d.eligible,
  d.known,
  d.with_users
FROM (
  SELECT
    count(*) AS users,
    count(*) FILTER (WHERE is_domain_admin) AS domain_admins,
    count(*) FILTER (WHERE noncompliant_devices > 0) AS on_noncompliant
  FROM users
) AS u
CROSS JOIN (
  SELECT
    count(*) AS eligible,
    count(users) AS known,
    count(*) FILTER (WHERE users > 0) AS with_users
  FROM devices
  WHERE population = 'eligible'
) AS d
