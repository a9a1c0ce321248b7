-- When was the oldest row observed of each input that is fetched device by device, so that its rows differ in age?
--
-- Reads: machine_users (may be empty).

SELECT 'machine_users' AS input, min(observed_at) AS oldest_at
FROM machine_users
