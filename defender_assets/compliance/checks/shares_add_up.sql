-- shares_add_up: by how much the parts of fleet_summary miss their wholes, for each whole.
SELECT
  CAST(coalesce(sum(abs(
    machines - merged - excluded - not_onboarded - duplicate - inactive - not_assessed - eligible
  )), 0) AS BIGINT) AS populations,
  CAST(coalesce(sum(abs(
    eligible - patch_compliant_devices - patch_noncompliant_devices - patch_unknown_devices
  )), 0) AS BIGINT) AS patch_verdicts,
  CAST(coalesce(sum(abs(
    eligible - agent_compliant_devices - agent_noncompliant_devices - agent_unknown_devices
  )), 0) AS BIGINT) AS agent_verdicts,
  CAST(coalesce(sum(abs(
    eligible - policy_compliant_devices - policy_noncompliant_devices - policy_unknown_devices
  )), 0) AS BIGINT) AS policy_verdicts,
  CAST(coalesce(sum(abs(
    open_findings - exempt_findings - accepted_findings - no_fix_findings - no_due_date_findings - overdue_findings
    - due_soon_findings - on_time_findings
  )), 0) AS BIGINT) AS finding_states,
  CAST(coalesce(sum(abs(
    overdue_findings - overdue_0_7_days - overdue_8_30_days - overdue_31_90_days - overdue_over_90_days
  )), 0) AS BIGINT) AS overdue_ages,
  CAST(coalesce(sum(abs(
    known_devices - protected_devices - partly_protected_devices - unprotected_devices - protection_unknown_devices
  )), 0) AS BIGINT) AS coverage,
  CAST(coalesce(sum(abs(
    eligible - agents_current - agents_behind - agents_unsupported - agents_unknown
  )), 0) AS BIGINT) AS agent_states,
  CAST(coalesce(sum(abs(
    eligible - sensors_healthy - sensors_inactive - sensors_impaired - sensors_unknown
  )), 0) AS BIGINT) AS sensor_states
FROM fleet_summary
