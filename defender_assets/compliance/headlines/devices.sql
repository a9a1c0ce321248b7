-- devices: machine records, those with a known user, those with an unresolved alert. Where nothing is known of any
-- record (no role for the users, no table of alerts), the number is unknown, not zero.
SELECT
  count(*) AS machines,
  CASE WHEN count(users) > 0 THEN count(*) FILTER (WHERE users > 0) END AS with_users,
  CASE WHEN count(unresolved_alerts) > 0 THEN count(*) FILTER (WHERE unresolved_alerts > 0) END AS with_unresolved_alerts
FROM devices
