-- Domain administrators on devices that are not compliant
-- Table: users
SELECT u.user_id, d.device_name, d.patch_verdict, d.agent_verdict, d.overdue_findings, u.last_seen, d.device_id
FROM (SELECT user_id, last_seen, is_domain_admin, unnest(device_ids) AS device_id FROM users) AS u
JOIN devices AS d USING (device_id)
WHERE u.is_domain_admin AND 'noncompliant' IN (d.patch_verdict, d.agent_verdict)
ORDER BY u.user_id, d.overdue_findings DESC NULLS LAST, d.device_name
