-- What was fixed in the last days of changes
--
-- As the service tells: a finding that moved to another device group is told as fixed, too; remediation_times counts true
-- fixes. The days are counted from the newest event, which may be older than today.
-- Table: software_vulnerability_changes
-- $days = 7: how many days before the newest event.
SELECT
  CAST(event_timestamp AS DATE) AS day,
  software_vendor,
  software_name,
  count(*) AS fixed,
  count(DISTINCT device_id) AS devices,
  count(DISTINCT cve_id) AS cves
FROM software_vulnerability_changes
WHERE status = 'Fixed'
  AND event_timestamp
    > (SELECT max(event_timestamp) FROM software_vulnerability_changes) - to_days(CAST($days AS INTEGER))
GROUP BY ALL
ORDER BY day DESC, fixed DESC, software_name
