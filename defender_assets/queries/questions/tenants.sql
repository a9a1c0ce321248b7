-- Tenants side by side, and their sums
-- With --tenant all: each tenant on its own newest day; the row "all" sums those that were judged on the newest day, and
-- says of how many of the list of tenants it is the sum. The reason says why a tenant is in no sum. A sum is empty where
-- a number is not known of one of those that it sums.
-- Table: fleet_summary
WITH summed AS (
  SELECT * FROM tenants WHERE state = 'judged'
),
rows_of_all AS (
  SELECT
    1 AS place,
    tenant,
    snapshot_date,
    state,
    machines,
    eligible,
    patch_compliant_devices,
    agent_compliant_devices,
    policy_compliant_devices,
    open_findings,
    overdue_findings,
    kev_overdue_findings,
    policy,
    reason
  FROM tenants
  UNION ALL
  SELECT
    0,
    'all',
    max(snapshot_date),
    concat(count(*), ' of ', (SELECT count(*) FROM tenants WHERE state <> 'not listed')),
    CASE WHEN count(machines) = count(*) THEN sum(machines) END,
    CASE WHEN count(eligible) = count(*) THEN sum(eligible) END,
    CASE WHEN count(patch_compliant_devices) = count(*) THEN sum(patch_compliant_devices) END,
    CASE WHEN count(agent_compliant_devices) = count(*) THEN sum(agent_compliant_devices) END,
    CASE WHEN count(policy_compliant_devices) = count(*) THEN sum(policy_compliant_devices) END,
    CASE WHEN count(open_findings) = count(*) THEN sum(open_findings) END,
    CASE WHEN count(overdue_findings) = count(*) THEN sum(overdue_findings) END,
    CASE WHEN count(kev_overdue_findings) = count(*) THEN sum(kev_overdue_findings) END,
    NULL,
    (SELECT 'without ' || string_agg(tenant || ' (' || state || ')', ', ') FROM tenants WHERE state <> 'judged')
  FROM summed
)
SELECT
  tenant,
  snapshot_date,
  state,
  CAST(machines AS BIGINT) AS machines,
  CAST(eligible AS BIGINT) AS eligible,
  CAST(patch_compliant_devices AS BIGINT) AS patch_compliant_devices,
  round(100.0 * patch_compliant_devices / nullif(eligible, 0), 1) AS patch_compliant_pct,
  CAST(agent_compliant_devices AS BIGINT) AS agent_compliant_devices,
  round(100.0 * agent_compliant_devices / nullif(eligible, 0), 1) AS agent_compliant_pct,
  CAST(policy_compliant_devices AS BIGINT) AS policy_compliant_devices,
  round(100.0 * policy_compliant_devices / nullif(eligible, 0), 1) AS policy_compliant_pct,
  CAST(open_findings AS BIGINT) AS open_findings,
  CAST(overdue_findings AS BIGINT) AS overdue_findings,
  CAST(kev_overdue_findings AS BIGINT) AS kev_overdue_findings,
  policy,
  reason
FROM rows_of_all
ORDER BY place, tenant
