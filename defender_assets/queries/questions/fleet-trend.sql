-- The fleet, day by day
-- Table: fleet_summary
-- $days = 30: how many days before the newest snapshot.
SELECT
  snapshot_date,
  machines,
  eligible,
  patch_compliant_devices,
  patch_noncompliant_devices,
  agent_compliant_devices,
  policy_compliant_devices
FROM fleet_summary_history
WHERE snapshot_date > (SELECT max(snapshot_date) FROM fleet_summary_history) - to_days(CAST($days AS INTEGER))
ORDER BY snapshot_date DESC
