-- exemptions_are_current: how many findings are exempt by which decision, and the moment of judging (in a row of its own,
-- which there is without any finding).
--
-- Reads: patch_findings, device_identity.

SELECT decided_by, count(*) AS findings, max(as_of) AS as_of
FROM patch_findings
WHERE state = 'exempt'
GROUP BY decided_by
UNION ALL
SELECT CAST(NULL AS VARCHAR) AS decided_by, 0 AS findings, max(as_of) AS as_of
FROM device_identity
