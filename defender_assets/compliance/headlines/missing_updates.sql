-- missing_updates: updates that eligible devices lack, those that are overdue, and what is lacking elsewhere.
SELECT
  count(*) FILTER (WHERE population = 'eligible') AS missing,
  count(*) FILTER (WHERE population = 'eligible' AND state = 'overdue') AS overdue,
  count(*) FILTER (WHERE population = 'eligible' AND undecided) AS undecided,
  count(DISTINCT CASE WHEN population = 'eligible' THEN update_id END) AS updates,
  count(DISTINCT CASE WHEN population = 'eligible' THEN device_id END) AS devices,
  count(DISTINCT CASE WHEN population = 'eligible' AND state = 'overdue' THEN device_id END) AS devices_overdue,
  count(*) FILTER (WHERE population IS NULL OR population <> 'eligible') AS other_missing
FROM missing_updates
