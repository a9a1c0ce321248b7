-- machines_judged_once: rows of the checked table (offered as checked_table) against the machine records. Anything but
-- one row for each record, and no other, is repeated, missing or unknown.
WITH
judged AS (SELECT device_id, count(*) AS times FROM checked_table GROUP BY device_id),
listed AS (SELECT DISTINCT id FROM machines)
SELECT
  (SELECT count(*) FROM listed) AS machines,
  (SELECT count(*) FROM checked_table) AS rows,
  (SELECT count(*) FROM judged WHERE times > 1) AS repeated,
  (SELECT count(*) FROM listed WHERE id NOT IN (SELECT device_id FROM judged WHERE device_id IS NOT NULL)) AS missing,
  (SELECT count(*) FROM judged WHERE device_id IS NULL OR device_id NOT IN (SELECT id FROM listed)) AS unknown
