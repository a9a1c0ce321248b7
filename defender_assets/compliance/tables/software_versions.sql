-- software_versions: per vendor, product and version, how many devices run it, its weaknesses, and its support.
--
-- Reads: device_identity, software_inventory, software_end_of_support.
-- Devices are counted over the eligible ones; the others are counted apart. Rows repeated for several device groups are
-- one device.

WITH
-- Numbers in place of long names: tens of millions of them are counted below.
devices AS (
  SELECT device_id, population = 'eligible' AS is_eligible, row_number() OVER (ORDER BY device_id) AS device, as_of
  FROM device_identity
),
fleet AS (
  SELECT count(*) FILTER (WHERE is_eligible) AS eligible_devices, max(as_of) AS as_of FROM devices
),
versions AS (
  SELECT
    software_vendor,
    software_name,
    software_version,
    row_number() OVER (
      ORDER BY software_vendor NULLS FIRST, software_name NULLS FIRST, software_version NULLS FIRST
    ) AS version
  FROM (SELECT DISTINCT software_vendor, software_name, software_version FROM software_inventory) AS named
),
installed AS (
  SELECT v.version, d.device, i.number_of_weaknesses, i.software_first_seen_timestamp
  FROM software_inventory AS i
  INNER JOIN devices AS d ON d.device_id = i.device_id
  INNER JOIN versions AS v
    ON v.software_name IS NOT DISTINCT FROM i.software_name
    AND v.software_version IS NOT DISTINCT FROM i.software_version
    AND v.software_vendor IS NOT DISTINCT FROM i.software_vendor
),
told AS (
  SELECT version, max(number_of_weaknesses) AS weaknesses, min(software_first_seen_timestamp) AS first_seen_at
  FROM installed
  GROUP BY version
),
holders AS (
  SELECT DISTINCT version, device FROM installed
),
by_version AS (
  SELECT
    h.version,
    count(*) FILTER (WHERE d.is_eligible) AS devices,
    count(*) FILTER (WHERE NOT d.is_eligible) AS other_devices
  FROM holders AS h
  INNER JOIN devices AS d ON d.device = h.device
  GROUP BY h.version
),

-- A device may have several versions of a product.
by_product AS (
  SELECT software_vendor, software_name, count(*) AS devices
  FROM (
    SELECT DISTINCT v.software_vendor, v.software_name, h.device
    FROM holders AS h
    INNER JOIN devices AS d ON d.device = h.device AND d.is_eligible
    INNER JOIN versions AS v ON v.version = h.version
  ) AS held
  GROUP BY software_vendor, software_name
),

-- Editions of a version may differ: what is not known counts before what is supported.
supported AS (
  SELECT
    software_vendor,
    software_name,
    software_version,
    CASE
      WHEN bool_or(status = 'ended') THEN 'ended'
      WHEN bool_or(status = 'ends_soon') THEN 'ends_soon'
      WHEN bool_or(status = 'unknown') THEN 'unknown'
      ELSE 'supported_until'
    END AS support,
    min(end_of_support_date) AS end_of_support_date
  FROM software_end_of_support
  GROUP BY software_vendor, software_name, software_version
)

SELECT
  v.software_vendor,
  v.software_name,
  v.software_version,
  b.devices,
  coalesce(p.devices, 0) AS product_devices,
  f.eligible_devices,
  CAST(100 * b.devices AS DOUBLE) / nullif(p.devices, 0) AS product_pct,
  CAST(100 * b.devices AS DOUBLE) / nullif(f.eligible_devices, 0) AS fleet_pct,
  b.other_devices,
  t.weaknesses,
  s.support,
  s.end_of_support_date,
  t.first_seen_at,
  f.as_of
FROM versions AS v
CROSS JOIN fleet AS f
INNER JOIN by_version AS b ON b.version = v.version
INNER JOIN told AS t ON t.version = v.version
LEFT JOIN by_product AS p
  ON p.software_vendor IS NOT DISTINCT FROM v.software_vendor AND p.software_name IS NOT DISTINCT FROM v.software_name
LEFT JOIN supported AS s
  ON s.software_name IS NOT DISTINCT FROM v.software_name
  AND s.software_version IS NOT DISTINCT FROM v.software_version
  AND s.software_vendor IS NOT DISTINCT FROM v.software_vendor
ORDER BY v.software_vendor, v.software_name, v.software_version
