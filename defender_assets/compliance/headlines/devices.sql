-- devices: machine records, those with a known user, those with an unresolved alert.
SELECT
  count(*) AS machines,
  count(*) FILTER (WHERE users > 0) AS with_users,
  count(*) FILTER (WHERE unresolved_alerts > 0) AS with_unresolved_alerts
FROM devices
