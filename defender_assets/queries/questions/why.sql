-- Why a device was judged as it was
--
-- defender-assets explain tells more: the numbers, and the age of each input.
-- Table: verdict_reasons
-- $device, as in ws-000051: its name, without the domain too, or its id.
SELECT r.topic, r.verdict, r.sentence, r.policy_file, r.policy_line, d.device_name, r.device_id
FROM verdict_reasons AS r
JOIN devices AS d USING (device_id)
WHERE lower(trim($device)) IN (lower(d.device_name), lower(split_part(d.device_name, '.', 1)), d.device_id)
ORDER BY r.device_id, r.topic, r.position
