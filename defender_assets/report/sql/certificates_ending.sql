-- Which certificates on eligible devices have expired or expire soon, those that expire next first?
--
-- Reads: certificates, device_identity, fleet_summary. total: the certificates there are, whatever the limit. What expired
-- last comes before what expired long ago: old roots lie in the store of every Windows device.

WITH
found AS (
  SELECT
    c.thumbprint,
    max(c.issued_to) AS issued_to,
    max(c.issued_by) AS issued_by,
    max(c.subject_type) AS subject_type,
    min(c.expiration_date) AS expires_at,
    count(DISTINCT c.device_id) AS devices,
    min(d.device_name) AS device_name,
    max(s.as_of) AS as_of
  FROM certificates AS c
  INNER JOIN device_identity AS d ON d.device_id = c.device_id AND d.population = 'eligible'
  CROSS JOIN fleet_summary AS s
  WHERE c.expiration_date <= s.as_of + INTERVAL 60 DAY
  GROUP BY c.thumbprint
)

SELECT
  thumbprint,
  issued_to,
  issued_by,
  subject_type,
  expires_at,
  CASE WHEN expires_at <= as_of THEN 'expired' ELSE 'expires soon' END AS state,
  devices,
  device_name,
  CAST(sum(CASE WHEN expires_at <= as_of THEN 1 ELSE 0 END) OVER () AS BIGINT) AS expired,
  count(*) OVER () AS total
FROM found
ORDER BY
  CASE WHEN expires_at <= as_of THEN 1 ELSE 0 END,
  CASE WHEN expires_at <= as_of THEN NULL ELSE expires_at END,
  expires_at DESC,
  thumbprint
LIMIT 5000
