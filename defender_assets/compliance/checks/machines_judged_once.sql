-- machines_judged_once: rows of the checked table (offered as checked_table) against the machine records. Anything but
-- one row for each record, and no other, is repeated, missing or unknown.
WITH
judged AS (SELECT device_id, count(*) AS times FROM checked_table GROUP BY device_id),
listed AS (SELECT DISTINCT id, TRUE AS is_listed FROM machines)
-- One join for all of it: NOT IN compares each record with each row on Spark.
SELECT
  count(l.is_listed) AS machines,
  CAST(coalesce(sum(j.times), 0) AS BIGINT) AS rows,
  count(*) FILTER (WHERE j.times > 1) AS repeated,
  count(*) FILTER (WHERE j.times IS NULL) AS missing,
  count(*) FILTER (WHERE l.is_listed IS NULL) AS unknown
FROM listed AS l
FULL OUTER JOIN judged AS j ON j.device_id = l.id
