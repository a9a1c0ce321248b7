-- Alerts that nobody has resolved
-- Table: alerts
SELECT
  a.severity, a.title, a.status, a.alert_creation_time, a.computer_dns_name, d.last_user, a.assigned_to, a.id, a.device_id
FROM alerts AS a
LEFT JOIN devices AS d USING (device_id)
WHERE lower(a.status) IS DISTINCT FROM 'resolved'
ORDER BY
  array_position(['high', 'medium', 'low', 'informational'], lower(a.severity)) NULLS LAST, a.alert_creation_time DESC
