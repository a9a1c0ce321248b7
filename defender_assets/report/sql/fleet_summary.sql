-- What are the headline numbers of the day?
--
-- Reads: fleet_summary, of which a day has one row.

SELECT *
FROM fleet_summary
