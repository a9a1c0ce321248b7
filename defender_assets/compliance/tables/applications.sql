-- applications: one wide row per vendor and product in the inventory.
--
-- Reads: software_inventory, device_identity, and, each of which may be empty: software, software_exposure.

WITH
devices AS (
  SELECT device_id, population = 'eligible' AS is_eligible, row_number() OVER (ORDER BY device_id) AS number
  FROM device_identity
),
snapshot AS (
  SELECT max(as_of) AS as_of FROM device_identity
),
-- By version first: there are few versions and many devices.
by_version AS (
  SELECT
    software_vendor,
    software_name,
    software_version,
    min(software_first_seen_timestamp) AS first_seen_at,
    max(
      CASE end_of_support_status
        WHEN 'EOS Software' THEN 4
        WHEN 'EOS Version' THEN 3
        WHEN 'Upcoming EOS Software' THEN 2
        WHEN 'Upcoming EOS Version' THEN 1
        ELSE 0
      END
    ) AS end_of_support_rank,
    min(end_of_support_date) AS end_of_support_date
  FROM software_inventory
  GROUP BY software_vendor, software_name, software_version
),
by_product AS (
  SELECT
    software_vendor,
    software_name,
    count(software_version) AS versions,
    list_sort(list(software_version) FILTER (WHERE software_version IS NOT NULL)) AS installed_versions,
    min(first_seen_at) AS first_seen_at,
    max(end_of_support_rank) AS end_of_support_rank,
    min(end_of_support_date) AS end_of_support_date
  FROM by_version
  GROUP BY software_vendor, software_name
),
-- Numbers in place of long names: tens of millions of pairs are counted below.
products AS (
  SELECT
    software_vendor,
    software_name,
    row_number() OVER (ORDER BY software_vendor NULLS FIRST, software_name NULLS FIRST) AS product
  FROM by_product
),
holders AS (
  SELECT product, count(*) AS devices, count(*) FILTER (WHERE is_eligible) AS eligible_devices
  FROM (
    SELECT DISTINCT p.product, d.number, d.is_eligible
    FROM software_inventory AS i
    INNER JOIN devices AS d ON d.device_id = i.device_id
    INNER JOIN products AS p
      ON p.software_vendor IS NOT DISTINCT FROM i.software_vendor AND p.software_name IS NOT DISTINCT FROM i.software_name
  ) AS holder
  GROUP BY product
),
listed AS (
  SELECT
    lower(vendor) AS vendor,
    lower(name) AS name,
    max(id) AS id,
    max(category) AS category,
    max(weaknesses) AS weaknesses,
    bool_or(public_exploit) AS public_exploit,
    bool_or(active_alert) AS active_alert,
    max(impact_score) AS impact_score
  FROM software
  GROUP BY lower(vendor), lower(name)
)

SELECT
  p.software_vendor,
  p.software_name,
  s.id AS software_id,
  s.category,
  coalesce(h.devices, 0) AS devices,
  coalesce(h.eligible_devices, 0) AS eligible_devices,
  p.versions,
  coalesce(p.installed_versions, []) AS installed_versions,
  p.first_seen_at,
  CASE p.end_of_support_rank
    WHEN 4 THEN 'EOS Software'
    WHEN 3 THEN 'EOS Version'
    WHEN 2 THEN 'Upcoming EOS Software'
    WHEN 1 THEN 'Upcoming EOS Version'
    ELSE 'None'
  END AS end_of_support_status,
  p.end_of_support_date,
  s.weaknesses,
  s.public_exploit,
  s.active_alert,
  s.impact_score,
  x.exposed_devices,
  x.cves,
  x.overdue_findings,
  t.as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM by_product AS p
CROSS JOIN snapshot AS t
INNER JOIN products AS n
  ON n.software_vendor IS NOT DISTINCT FROM p.software_vendor AND n.software_name IS NOT DISTINCT FROM p.software_name
LEFT JOIN holders AS h ON h.product = n.product
LEFT JOIN listed AS s ON s.vendor = lower(p.software_vendor) AND s.name = lower(p.software_name)
LEFT JOIN software_exposure AS x
  ON x.software_vendor IS NOT DISTINCT FROM p.software_vendor AND x.software_name IS NOT DISTINCT FROM p.software_name
ORDER BY p.software_vendor, p.software_name
