-- Why was each device judged as it was, what speaks against it first?
--
-- Reads: verdict_reasons, opened_devices (device_id). total: the reasons that the device has, of which 20 are told.
-- verdict: that of the topic; null for what the policy lets pass in a topic with another verdict than compliant, because
-- it does not speak against the device. First the reasons that do.

SELECT r.device_id, r.topic, r.verdict, r.sentence, r.setting, r.policy_file, r.policy_line, r.total
FROM (
  SELECT
    v.device_id,
    v.topic,
    CASE WHEN v.verdict = 'compliant' OR NOT p.passes THEN v.verdict END AS verdict,
    v.sentence,
    v.setting,
    v.policy_file,
    v.policy_line,
    count(*) OVER (PARTITION BY v.device_id) AS total,
    row_number() OVER (
      PARTITION BY v.device_id
      ORDER BY
        CASE v.verdict WHEN 'noncompliant' THEN 0 WHEN 'unknown' THEN 1 ELSE 2 END,
        CASE v.topic WHEN 'patch' THEN 0 WHEN 'agent' THEN 1 WHEN 'configuration' THEN 2 ELSE 3 END,
        p.passes,
        v.position,
        v.topic
    ) AS place
  FROM verdict_reasons AS v
  INNER JOIN opened_devices AS o ON o.device_id = v.device_id
  CROSS JOIN LATERAL (
    SELECT
      coalesce(
        v.code IN (
          'no_findings', 'no_overdue_findings', 'exempt_findings', 'accepted_findings', 'unsupported_software_lets_pass'
        ),
        FALSE
      ) AS passes
  ) AS p
) AS r
WHERE r.place <= 20
ORDER BY r.device_id, r.place
