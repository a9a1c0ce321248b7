-- Which devices a user logs on to
-- Table: users
-- $user, as in corp\adm.0: the user, or a part of the account's name.
SELECT u.user_id, d.device_name, d.patch_verdict, d.agent_verdict, d.last_seen, u.is_domain_admin, d.device_id
FROM (SELECT user_id, is_domain_admin, unnest(device_ids) AS device_id FROM users) AS u
JOIN devices AS d USING (device_id)
WHERE contains(lower(u.user_id), lower(trim($user)))
ORDER BY u.user_id, d.device_name
