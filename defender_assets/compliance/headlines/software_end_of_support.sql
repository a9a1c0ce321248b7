-- software_end_of_support: products on eligible devices by what is left of their support.
SELECT
  (SELECT count(*) FROM (SELECT DISTINCT software_vendor, software_name FROM software_end_of_support WHERE devices > 0)
    AS product) AS products,
  (SELECT count(*) FROM (
    SELECT DISTINCT software_vendor, software_name FROM software_end_of_support WHERE devices > 0 AND status = 'ended'
  ) AS product) AS ended,
  (SELECT count(*) FROM (
    SELECT DISTINCT software_vendor, software_name FROM software_end_of_support WHERE devices > 0 AND status = 'ends_soon'
  ) AS product) AS ends_soon,
  count(*) FILTER (WHERE devices > 0 AND status = 'ended' AND kev_cves > 0) AS ended_with_exploited
FROM software_end_of_support
