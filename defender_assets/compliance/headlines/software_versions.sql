-- software_versions: versions on eligible devices, by weaknesses and support, and products that come in several.
SELECT
  count(*) FILTER (WHERE devices > 0) AS versions,
  count(*) FILTER (WHERE devices > 0 AND weaknesses > 0) AS with_weaknesses,
  count(*) FILTER (WHERE devices > 0 AND weaknesses IS NULL) AS weaknesses_unknown,
  count(*) FILTER (WHERE devices > 0 AND support = 'ended') AS ended,
  (SELECT count(*) FROM (SELECT DISTINCT software_vendor, software_name FROM software_versions WHERE devices > 0)
    AS product) AS products,
  (SELECT count(*) FROM (
    SELECT software_vendor, software_name FROM software_versions WHERE devices > 0
    GROUP BY software_vendor, software_name HAVING count(*) > 1
  ) AS product) AS in_several_versions
FROM software_versions
