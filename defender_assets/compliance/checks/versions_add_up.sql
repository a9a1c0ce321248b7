-- versions_add_up: products whose versions contradict each other: a version on more devices than the product, devices of
-- the product without a version, a product on more devices than there are.
SELECT
  count(*) AS products,
  count(*) FILTER (WHERE largest > product_devices) AS larger_than_product,
  count(*) FILTER (WHERE summed < product_devices) AS without_version,
  count(*) FILTER (WHERE product_devices > eligible_devices) AS larger_than_fleet
FROM (
  SELECT
    software_vendor,
    software_name,
    max(devices) AS largest,
    sum(devices) AS summed,
    max(product_devices) AS product_devices,
    max(eligible_devices) AS eligible_devices
  FROM software_versions
  GROUP BY software_vendor, software_name
) AS product
