-- Which versions with known weaknesses do eligible devices run, those with the most weaknesses over all devices first?
--
-- Reads: software_versions. total: the versions there are, whatever the limit.

SELECT
  software_vendor,
  software_name,
  software_version,
  devices,
  product_pct,
  weaknesses,
  support,
  end_of_support_date,
  count(*) OVER () AS total
FROM software_versions
WHERE devices > 0 AND weaknesses > 0
ORDER BY
  weaknesses * devices DESC,
  devices DESC,
  software_vendor NULLS LAST,
  software_name NULLS LAST,
  software_version NULLS LAST
LIMIT 5000
