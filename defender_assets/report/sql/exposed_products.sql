-- Which products expose the fleet most? Those with the most overdue findings first, then with the most exposed devices.
--
-- Reads: software_exposure. total: the products with an open finding, whatever the limit.

SELECT
  software_vendor,
  software_name,
  devices,
  exposed_devices,
  overdue_devices,
  cves,
  critical_cves,
  kev_cves,
  exploited_cves,
  worst_cvss,
  open_findings,
  overdue_findings,
  end_of_support_devices,
  count(*) OVER () AS total
FROM software_exposure
WHERE exposed_devices > 0
ORDER BY
  overdue_findings DESC NULLS LAST,
  exposed_devices DESC,
  cves DESC NULLS LAST,
  software_vendor NULLS LAST,
  software_name NULLS LAST
LIMIT 20000
