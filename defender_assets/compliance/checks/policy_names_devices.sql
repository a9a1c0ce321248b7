-- policy_names_devices: for every tag, group, device and platform that the policy names, whether a device has it, and a
-- name in the fleet that differs only in case, hyphens, underscores or spaces.
--
-- Reads: device_identity, policy_scope_members, policy_exemption_devices, policy_exposure_tags.

WITH
asked AS (
  SELECT kind, value, replace(replace(replace(value, '-', ''), '_', ''), ' ', '') AS spelling
  FROM (
    SELECT kind, value FROM policy_scope_members
    UNION
    SELECT kind, value FROM policy_exemption_devices
    UNION
    SELECT 'tag' AS kind, tag AS value FROM policy_exposure_tags
  ) AS named
),
fleet AS (
  SELECT 'device' AS kind, device_id AS name FROM device_identity
  UNION ALL
  SELECT 'device' AS kind, device_name AS name FROM device_identity
  UNION ALL
  SELECT 'group' AS kind, rbac_group_name AS name FROM device_identity
  UNION ALL
  SELECT 'platform' AS kind, platform_family AS name FROM device_identity
  UNION ALL
  SELECT 'tag' AS kind, tag AS name
  FROM (SELECT unnest(machine_tags) AS tag FROM device_identity) AS tagged
),
found AS (
  SELECT
    a.kind,
    a.value,
    bool_or(lower(f.name) = a.value) AS is_there,
    min(CASE WHEN lower(f.name) <> a.value THEN f.name END) AS near
  FROM fleet AS f
  INNER JOIN asked AS a
    ON a.kind = f.kind AND a.spelling = replace(replace(replace(lower(f.name), '-', ''), '_', ''), ' ', '')
  GROUP BY a.kind, a.value
)
SELECT
  a.kind,
  a.value,
  coalesce(f.is_there, FALSE) AS is_there,
  f.near,
  s.as_of
FROM asked AS a
CROSS JOIN (SELECT max(as_of) AS as_of FROM device_identity) AS s
LEFT JOIN found AS f ON f.kind = a.kind AND f.value = a.value
