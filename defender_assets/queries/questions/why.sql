-- Why a device was judged as it was
--
-- The verdict is that of the topic; a reason that does not speak against the device, where others do, has none.
-- defender-assets explain tells more: the numbers, and the age of each input.
-- Table: verdict_reasons
-- $device, as in ws-000051: its name, without the domain too, or its id.
SELECT
  r.topic,
  CASE
    WHEN
      r.verdict = 'compliant'
      OR r.code NOT IN (
        'no_findings', 'no_overdue_findings', 'exempt_findings', 'accepted_findings', 'unsupported_software_lets_pass'
      )
      THEN r.verdict
  END AS verdict,
  r.sentence,
  r.policy_file,
  r.policy_line,
  d.device_name,
  r.device_id
FROM verdict_reasons AS r
JOIN devices AS d USING (device_id)
WHERE lower(trim($device)) IN (lower(d.device_name), lower(split_part(d.device_name, '.', 1)), d.device_id)
ORDER BY r.device_id, r.topic, r.position
