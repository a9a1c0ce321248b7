-- Certificates that have expired, or will soon
-- Table: certificates
-- $days = 30: how many days after the newest snapshot.
SELECT
  issued_to,
  issued_by,
  expiration_date,
  count(DISTINCT device_id) AS devices,
  bool_or(is_self_signed) AS self_signed,
  thumbprint
FROM certificates
WHERE expiration_date <= observed_at + to_days(CAST($days AS INTEGER))
GROUP BY issued_to, issued_by, expiration_date, thumbprint
ORDER BY expiration_date, devices DESC, issued_to
