-- Which product's update fixes most
--
-- Every finding counts, whether it names an update or not.
-- Table: software_exposure
-- $top = 20: how many products.
SELECT
  software_vendor,
  software_name,
  open_findings,
  overdue_findings,
  exposed_devices,
  cves,
  kev_cves,
  worst_cvss
FROM software_exposure
WHERE open_findings > 0
ORDER BY overdue_findings DESC, open_findings DESC, software_name
LIMIT CAST($top AS INTEGER)
