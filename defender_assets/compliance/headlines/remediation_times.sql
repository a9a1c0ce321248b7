-- remediation_times: what became of findings in the window, all severities together.
SELECT
  max(new) AS new,
  max(fixed) AS fixed,
  max(vanished) AS vanished,
  max(moved) AS moved,
  max(upgraded) AS upgraded,
  max(renamed) AS renamed,
  max(reopened) AS reopened,
  max(mean_days) AS mean_days,
  max(median_days) AS median_days
FROM remediation_times
WHERE severity = 'all'
