-- Which software is past its end of support or near it? What has ended comes first, then what most devices have.
--
-- Reads: software_end_of_support. total: the rows with a device that is eligible, whatever the limit.

SELECT
  software_vendor,
  software_name,
  software_version,
  status,
  end_of_support_date,
  days_since_end,
  days_until_end,
  devices,
  cves,
  kev_cves,
  count(*) OVER () AS total
FROM software_end_of_support
WHERE devices > 0 AND status IN ('ended', 'ends_soon', 'unknown')
ORDER BY
  CASE status WHEN 'ended' THEN 0 WHEN 'ends_soon' THEN 1 ELSE 2 END,
  kev_cves DESC NULLS LAST,
  devices DESC,
  software_vendor NULLS LAST,
  software_name NULLS LAST,
  software_version NULLS LAST
LIMIT 20000
