-- How many users are known, and what of them is worth a look?
--
-- Reads: users, devices (may be empty). What is not known is null: the users on noncompliant devices where no device was
-- judged, and the eligible devices with a user where none's users are known. admins_unknown: the users of whom it is not
-- known whether they are domain administrators. devices_known: the eligible devices of which the number of users is known.

SELECT
  u.users,
  u.domain_admins,
  u.admins_unknown,
  u.on_noncompliant,
  d.eligible,
  d.devices_known,
  d.with_users
FROM (
  SELECT
    count(*) AS users,
    CASE WHEN count(is_domain_admin) > 0 OR count(*) = 0 THEN count(*) FILTER (WHERE is_domain_admin) END AS domain_admins,
    count(*) - count(is_domain_admin) AS admins_unknown,
    CASE
      WHEN count(noncompliant_devices) = count(*) THEN count(*) FILTER (WHERE noncompliant_devices > 0)
    END AS on_noncompliant
  FROM users
) AS u
CROSS JOIN (
  SELECT
    count(*) AS eligible,
    count(users) AS devices_known,
    CASE WHEN count(users) > 0 THEN count(*) FILTER (WHERE users > 0) END AS with_users
  FROM devices
  WHERE population = 'eligible'
) AS d
