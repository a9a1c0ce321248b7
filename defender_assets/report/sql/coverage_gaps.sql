-- What do the known devices lack, the most common first?
--
-- Reads: coverage.

SELECT gap, count(*) AS devices
FROM (SELECT unnest(gaps) AS gap FROM coverage WHERE population <> 'excluded') AS lacking
GROUP BY gap
ORDER BY devices DESC, gap
