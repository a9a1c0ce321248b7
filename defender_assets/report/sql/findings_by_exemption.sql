-- How many findings does each decision of an exemption cover?
--
-- Reads: patch_findings.

SELECT decided_by, count(*) AS findings
FROM patch_findings
WHERE state = 'exempt'
GROUP BY decided_by
ORDER BY decided_by
