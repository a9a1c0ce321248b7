-- Devices that came, went, or changed their verdict between two days
--
-- defender-assets diff tells the findings as well.
-- Table: devices
-- $from = week: the earlier day, as in 2026-11-20; week is the first snapshot of the seven days before the later one.
-- $to = newest: the later day.
WITH
days AS (
  SELECT
    snapshot_date,
    CASE WHEN $to = 'newest' THEN max(snapshot_date) OVER () ELSE CAST(nullif($to, 'newest') AS DATE) END AS later
  FROM (SELECT DISTINCT snapshot_date FROM devices_history)
),
chosen AS (
  SELECT
    max(later) AS later,
    CASE
      WHEN $from = 'week' THEN min(snapshot_date) FILTER (WHERE snapshot_date BETWEEN later - 7 AND later - 1)
      ELSE max(CAST(nullif($from, 'week') AS DATE))
    END AS earlier
  FROM days
),
a AS (SELECT h.* FROM devices_history AS h JOIN chosen ON h.snapshot_date = chosen.earlier),
b AS (SELECT h.* FROM devices_history AS h JOIN chosen ON h.snapshot_date = chosen.later)
SELECT
  coalesce(b.device_name, a.device_name) AS device_name,
  CASE WHEN a.device_id IS NULL THEN 'came' WHEN b.device_id IS NULL THEN 'went' ELSE 'changed' END AS change,
  a.patch_verdict AS patch_before,
  b.patch_verdict AS patch_after,
  a.agent_verdict AS agent_before,
  b.agent_verdict AS agent_after,
  chosen.earlier,
  chosen.later,
  coalesce(b.device_id, a.device_id) AS device_id
FROM a
FULL JOIN b ON a.device_id = b.device_id AND a.tenant = b.tenant
CROSS JOIN chosen
WHERE a.device_id IS NULL
  OR b.device_id IS NULL
  OR (a.patch_verdict, a.agent_verdict, a.policy_verdict)
    IS DISTINCT FROM (b.patch_verdict, b.agent_verdict, b.policy_verdict)
ORDER BY change, device_name
