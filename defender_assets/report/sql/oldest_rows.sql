-- When was the oldest row observed of each input that is asked device by device, and so holds rows of different ages?
--
-- Reads: machine_users (may be empty).

SELECT 'machine_users' AS input, min(observed_at) AS oldest_at
FROM machine_users
