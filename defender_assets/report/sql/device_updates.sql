-- Which updates does each device lack, those that close the most overdue findings first?
--
-- Reads: missing_updates, opened_devices (device_id). total: the updates that the device lacks, of which 20 are told.

SELECT u.device_id, u.update_id, u.update_name, u.severity, u.state, u.open_findings, u.overdue_findings, u.due_at, u.total
FROM (
  SELECT
    m.device_id,
    m.update_id,
    m.update_name,
    m.severity,
    m.state,
    m.open_findings,
    m.overdue_findings,
    m.due_at,
    count(*) OVER (PARTITION BY m.device_id) AS total,
    row_number() OVER (
      PARTITION BY m.device_id
      ORDER BY m.overdue_findings DESC NULLS LAST, m.due_at NULLS LAST, m.open_findings DESC NULLS LAST, m.update_id
    ) AS place
  FROM missing_updates AS m
  INNER JOIN opened_devices AS o ON o.device_id = m.device_id
) AS u
WHERE u.place <= 20
ORDER BY u.device_id, u.place
