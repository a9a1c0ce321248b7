-- Software whose support has ended or will soon
-- Table: software_end_of_support
-- $days = 90: how many days ahead.
SELECT
  software_vendor,
  software_name,
  software_version,
  end_of_support_date,
  status,
  days_until_end,
  devices,
  open_findings
FROM software_end_of_support
WHERE days_until_end <= CAST($days AS INTEGER) OR days_since_end >= 0
ORDER BY end_of_support_date NULLS LAST, devices DESC, software_name
