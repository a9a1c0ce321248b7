-- Tenants side by side, and their sums
-- With --tenant all: each tenant on its own newest day; the row "all" sums those of the newest day. A sum is empty where
-- a number is not known of one of them.
-- Table: fleet_summary
WITH newest AS (
  SELECT *
  FROM fleet_summary_history
  QUALIFY snapshot_date = max(snapshot_date) OVER (PARTITION BY tenant)
),
told AS (
  SELECT *, snapshot_date = max(snapshot_date) OVER () AS is_summed, count(*) OVER () AS all_tenants
  FROM newest
),
rows_of_all AS (
  SELECT
    1 AS place,
    tenant,
    snapshot_date,
    CASE WHEN is_summed THEN 'judged' ELSE 'older' END AS state,
    machines,
    eligible,
    patch_compliant_devices,
    agent_compliant_devices,
    policy_compliant_devices,
    open_findings,
    overdue_findings,
    kev_overdue_findings,
    policy
  FROM told
  UNION ALL
  SELECT
    0,
    'all',
    max(snapshot_date),
    concat(count(*), ' of ', max(all_tenants)),
    CASE WHEN count(machines) = count(*) THEN sum(machines) END,
    CASE WHEN count(eligible) = count(*) THEN sum(eligible) END,
    CASE WHEN count(patch_compliant_devices) = count(*) THEN sum(patch_compliant_devices) END,
    CASE WHEN count(agent_compliant_devices) = count(*) THEN sum(agent_compliant_devices) END,
    CASE WHEN count(policy_compliant_devices) = count(*) THEN sum(policy_compliant_devices) END,
    CASE WHEN count(open_findings) = count(*) THEN sum(open_findings) END,
    CASE WHEN count(overdue_findings) = count(*) THEN sum(overdue_findings) END,
    CASE WHEN count(kev_overdue_findings) = count(*) THEN sum(kev_overdue_findings) END,
    NULL
  FROM told
  WHERE is_summed
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
  policy
FROM rows_of_all
ORDER BY place, tenant
