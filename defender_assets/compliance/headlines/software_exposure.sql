-- software_exposure: products on eligible devices: exposed, overdue, out of support.
SELECT
  count(*) FILTER (WHERE devices > 0) AS products,
  count(*) FILTER (WHERE cves > 0) AS exposed_products,
  count(*) FILTER (WHERE overdue_findings > 0) AS overdue_products,
  count(*) FILTER (WHERE end_of_support_devices > 0) AS end_of_support_products
FROM software_exposure
