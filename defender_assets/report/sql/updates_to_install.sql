-- What is to be done, update by update? Those that close the most overdue findings first.
--
-- Reads: device_identity, patch_findings, software_vulnerabilities (may be empty), recommendations (may be empty). total:
-- the things to do, whatever the limit. findings: those on eligible devices that an update would close and that count:
-- neither exempt, nor accepted, nor without a fix that the policy waits for.
--
-- kind: 'update' where findings name an update by its id (the digits of a KB, RHSA-…), 'named' where they name one
-- without an id, 'product' where they name none and a newer version of the product is to be installed, 'none' where the
-- service says that there is no update.

WITH
described AS (
  SELECT
    recommended_security_update_id AS fix_id,
    max(recommended_security_update) AS update_name
  FROM software_vulnerabilities
  WHERE recommended_security_update_id <> ''
  GROUP BY recommended_security_update_id
),
-- What an update without an id is called is the same wherever that CVE is in that version.
named AS (
  SELECT
    software_vendor,
    software_name,
    software_version,
    cve_id,
    max(recommended_security_update) AS update_name
  FROM software_vulnerabilities
  WHERE recommended_security_update <> '' AND coalesce(recommended_security_update_id, '') = '' AND cve_id <> ''
  GROUP BY software_vendor, software_name, software_version, cve_id
),
open AS (
  SELECT
    f.device_id,
    f.software_vendor,
    f.software_name,
    f.state,
    f.in_kev,
    f.days_overdue,
    CASE WHEN f.state IN ('overdue', 'due_soon', 'on_time') THEN f.due_at END AS due_at,
    CASE f.rated_severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 END AS severity,
    CASE
      WHEN f.fix_id <> '' THEN 'update'
      WHEN n.update_name IS NOT NULL THEN 'named'
      WHEN NOT f.fix_available THEN 'none'
      ELSE 'product'
    END AS kind,
    CASE WHEN f.fix_id <> '' THEN f.fix_id ELSE n.update_name END AS update_id
  FROM patch_findings AS f
  INNER JOIN device_identity AS d ON d.device_id = f.device_id AND d.population = 'eligible'
  LEFT JOIN named AS n
    ON n.cve_id = f.cve_id
    AND n.software_version = f.software_version
    AND n.software_name = f.software_name
    AND n.software_vendor = f.software_vendor
  WHERE f.state IN ('overdue', 'due_soon', 'on_time', 'no_due_date')
),
-- An update with a name is one thing to do, whatever the products; without one, each product is.
on_devices AS (
  SELECT
    kind,
    update_id,
    CASE WHEN update_id IS NULL THEN software_vendor END AS vendor,
    CASE WHEN update_id IS NULL THEN software_name END AS product,
    device_id,
    count(*) AS findings,
    count(*) FILTER (WHERE state = 'overdue') AS overdue_findings,
    count(*) FILTER (WHERE state = 'overdue' AND severity = 4) AS overdue_critical,
    count(*) FILTER (WHERE in_kev) AS kev_findings,
    count(*) FILTER (WHERE in_kev IS NULL) AS kev_unknown,
    max(severity) AS severity,
    max(days_overdue) AS days_overdue,
    min(due_at) AS due_at
  FROM open
  GROUP BY
    kind,
    update_id,
    CASE WHEN update_id IS NULL THEN software_vendor END,
    CASE WHEN update_id IS NULL THEN software_name END,
    device_id
),
to_do AS (
  SELECT
    kind,
    update_id,
    vendor,
    product,
    count(*) AS devices,
    count(*) FILTER (WHERE overdue_findings > 0) AS overdue_devices,
    CAST(sum(findings) AS BIGINT) AS findings,
    CAST(sum(overdue_findings) AS BIGINT) AS overdue_findings,
    CAST(sum(overdue_critical) AS BIGINT) AS overdue_critical,
    CASE WHEN sum(kev_unknown) = 0 THEN CAST(sum(kev_findings) AS BIGINT) END AS kev_findings,
    max(severity) AS severity,
    max(days_overdue) AS days_overdue,
    min(due_at) AS due_at
  FROM on_devices
  GROUP BY kind, update_id, vendor, product
),
products AS (
  SELECT kind, update_id, list_sort(list(title)) AS products
  FROM (
    SELECT DISTINCT kind, update_id, concat_ws(' ', software_vendor, software_name) AS title
    FROM open
    WHERE update_id IS NOT NULL
  ) AS named_products
  GROUP BY kind, update_id
),
recommended AS (
  SELECT
    vendor,
    product_name,
    max(recommendation_name) AS recommendation,
    max(recommended_version) AS recommended_version
  FROM recommendations
  WHERE id LIKE 'va-%'
  GROUP BY vendor, product_name
)

SELECT
  t.kind,
  t.update_id,
  t.vendor,
  t.product,
  coalesce(d.update_name, CASE WHEN t.kind = 'named' THEN t.update_id END) AS update_name,
  p.products,
  r.recommendation,
  r.recommended_version,
  t.devices,
  t.overdue_devices,
  t.findings,
  t.overdue_findings,
  t.overdue_critical,
  t.kev_findings,
  CASE t.severity WHEN 4 THEN 'critical' WHEN 3 THEN 'high' WHEN 2 THEN 'medium' WHEN 1 THEN 'low' END AS severity,
  t.days_overdue,
  t.due_at,
  count(*) OVER () AS total
FROM to_do AS t
LEFT JOIN described AS d ON t.kind = 'update' AND d.fix_id = t.update_id
LEFT JOIN products AS p ON p.kind = t.kind AND p.update_id = t.update_id
LEFT JOIN recommended AS r ON t.update_id IS NULL AND r.vendor = t.vendor AND r.product_name = t.product
ORDER BY
  t.overdue_findings DESC,
  t.overdue_devices DESC,
  t.findings DESC,
  t.kind,
  t.update_id NULLS LAST,
  t.vendor NULLS LAST,
  t.product NULLS LAST
LIMIT 2000
