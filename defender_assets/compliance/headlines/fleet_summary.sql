-- fleet_summary: the numbers of its one row that are shown beside the asset.
SELECT
  max(machines) AS machines,
  max(eligible) AS eligible,
  max(known_devices) AS known_devices,
  max(protected_devices) AS protected_devices,
  max(patch_compliant_devices) AS patch_compliant_devices,
  max(agent_compliant_devices) AS agent_compliant_devices,
  max(policy_compliant_devices) AS policy_compliant_devices,
  max(compliant_devices) AS compliant_devices,
  max(open_findings) AS open_findings,
  max(overdue_findings) AS overdue_findings,
  max(accepted_findings) AS accepted_findings,
  max(undecided_findings) AS undecided_findings,
  max(kev_overdue_findings) AS kev_overdue_findings
FROM fleet_summary
