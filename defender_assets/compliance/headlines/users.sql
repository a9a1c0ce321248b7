-- users: users known, and domain administrators among them.
SELECT
  count(*) AS users,
  count(*) FILTER (WHERE is_domain_admin) AS domain_admins
FROM users
