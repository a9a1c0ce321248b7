-- applications: products in the inventory.
SELECT
  count(*) AS applications
FROM applications
