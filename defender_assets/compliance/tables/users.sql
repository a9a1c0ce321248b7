-- users: one wide row per user known to have logged on somewhere.
--
-- Reads: machine_users, and, each of which may be empty: machines, device_identity, alerts (as many days as there are),
-- patch_compliance.

WITH
snapshot AS (
  SELECT coalesce((SELECT max(as_of) FROM device_identity), (SELECT max(observed_at) FROM machine_users)) AS as_of
),
logons AS (
  SELECT u.*, m.computer_dns_name AS device_name, p.verdict
  FROM machine_users AS u
  LEFT JOIN machines AS m ON m.id = u.machine_id
  LEFT JOIN patch_compliance AS p ON p.device_id = u.machine_id
),
-- The device of the last logon; of several at one moment always the same.
latest AS (
  SELECT id, machine_id
  FROM (
    SELECT
      id,
      machine_id,
      row_number() OVER (PARTITION BY id ORDER BY last_seen DESC NULLS LAST, machine_id) AS rank
    FROM machine_users
    WHERE last_seen IS NOT NULL
  ) AS ranked
  WHERE rank = 1
),
presence AS (
  SELECT (SELECT count(*) FROM alerts) > 0 AS has_alerts, (SELECT count(*) FROM patch_compliance) > 0 AS has_verdicts
),
alerted AS (
  SELECT lower(concat(related_user.domain_name, '\', related_user.user_name)) AS user_id, count(DISTINCT id) AS alerts
  FROM alerts
  WHERE related_user.user_name <> '' AND related_user.domain_name <> ''
  GROUP BY lower(concat(related_user.domain_name, '\', related_user.user_name))
),
kinds AS (
  -- One text may name several kinds: 'Network, RemoteInteractive'.
  SELECT id, list_sort(list(DISTINCT trim(kind))) AS logon_types
  FROM (SELECT id, unnest(string_split(logon_types, ',')) AS kind FROM machine_users WHERE logon_types <> '') AS split
  GROUP BY id
)

SELECT
  l.id AS user_id,
  max(l.account_name) AS account_name,
  max(l.account_domain) AS account_domain,
  max(l.account_sid) AS account_sid,
  min(l.first_seen) AS first_seen,
  max(l.last_seen) AS last_seen,
  count(DISTINCT l.machine_id) AS devices,
  list_sort(list(DISTINCT l.machine_id) FILTER (WHERE l.machine_id IS NOT NULL)) AS device_ids,
  max(t.machine_id) AS last_device_id,
  max(l.device_name) FILTER (WHERE l.machine_id = t.machine_id) AS last_device_name,
  coalesce(max(k.logon_types), []) AS logon_types,
  bool_or(l.is_domain_admin) AS is_domain_admin,
  bool_and(l.is_only_network_user) AS is_only_network_user,
  CASE WHEN bool_or(h.has_alerts) THEN coalesce(max(x.alerts), 0) END AS recent_alerts,
  CASE WHEN bool_or(h.has_verdicts) THEN count(DISTINCT l.machine_id) FILTER (WHERE l.verdict = 'noncompliant') END
    AS noncompliant_devices,
  min(l.observed_at) AS oldest_answer_at,
  max(s.as_of) AS as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM logons AS l
CROSS JOIN snapshot AS s
CROSS JOIN presence AS h
LEFT JOIN alerted AS x ON x.user_id = lower(l.id)
LEFT JOIN kinds AS k ON k.id = l.id
LEFT JOIN latest AS t ON t.id = l.id
WHERE l.id IS NOT NULL
GROUP BY l.id
ORDER BY l.id
