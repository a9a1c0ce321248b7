-- policy_names_findings: for every CVE and product that an exemption names, whether there is a finding of it, and a name
-- of a product that differs only in case, hyphens, underscores or spaces, or in its vendor or version.
--
-- Reads: patch_findings, policy_exemption_cves, policy_exemption_products.

WITH
cves AS (
  SELECT DISTINCT cve_id FROM patch_findings
),
products AS (
  SELECT
    lower(software_vendor) AS vendor,
    lower(software_name) AS name,
    lower(software_version) AS version,
    replace(replace(replace(lower(software_name), '-', ''), '_', ''), ' ', '') AS spelling,
    concat_ws(' ', software_vendor, software_name, software_version) AS written
  FROM (SELECT DISTINCT software_vendor, software_name, software_version FROM patch_findings) AS distinct_products
),
asked AS (
  SELECT DISTINCT
    position,
    software_vendor,
    software_name,
    software_version,
    replace(replace(replace(software_name, '-', ''), '_', ''), ' ', '') AS spelling
  FROM policy_exemption_products
),
found AS (
  SELECT
    a.position,
    a.software_vendor,
    a.software_name,
    a.software_version,
    bool_or(
      p.name = a.software_name
      AND (a.software_vendor IS NULL OR a.software_vendor = p.vendor)
      AND (a.software_version IS NULL OR a.software_version = p.version)
    ) AS is_there,
    min(p.written) AS near
  FROM products AS p
  INNER JOIN asked AS a ON a.spelling = p.spelling
  GROUP BY a.position, a.software_vendor, a.software_name, a.software_version
)
SELECT
  'cve' AS kind,
  c.position,
  c.cve_id AS value,
  f.cve_id IS NOT NULL AS is_there,
  CAST(NULL AS VARCHAR) AS near,
  s.as_of
FROM policy_exemption_cves AS c
CROSS JOIN (SELECT max(as_of) AS as_of FROM patch_findings) AS s
LEFT JOIN cves AS f ON f.cve_id = c.cve_id
UNION ALL
SELECT
  'product' AS kind,
  a.position,
  concat_ws(' ', a.software_vendor, a.software_name, a.software_version) AS value,
  coalesce(f.is_there, FALSE) AS is_there,
  f.near,
  s.as_of
FROM asked AS a
CROSS JOIN (SELECT max(as_of) AS as_of FROM patch_findings) AS s
LEFT JOIN found AS f
  ON f.position = a.position
  AND f.software_name = a.software_name
  AND f.software_vendor IS NOT DISTINCT FROM a.software_vendor
  AND f.software_version IS NOT DISTINCT FROM a.software_version
