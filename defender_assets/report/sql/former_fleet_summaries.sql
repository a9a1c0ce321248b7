-- What were the headline numbers of former days, the oldest first?
--
-- Reads: former_fleet_summary, the rows of fleet_summary of several days. A day without a single device has none: its
-- row says no time.

SELECT *
FROM former_fleet_summary
WHERE as_of IS NOT NULL
ORDER BY as_of
