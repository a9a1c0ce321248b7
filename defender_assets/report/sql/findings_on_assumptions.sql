-- How many findings were decided although an input of the policy was unknown?
--
-- Reads: patch_findings.

SELECT count(*) AS findings
FROM patch_findings
WHERE decided_by LIKE '%assumed%'
