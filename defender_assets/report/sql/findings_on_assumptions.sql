-- How many findings were decided although an input of the policy was unknown, and how many were not?
--
-- Reads: patch_findings.

SELECT
  count(*) FILTER (WHERE decided_by LIKE '%; assumed %' AND NOT undecided) AS assumed,
  count(*) FILTER (WHERE undecided) AS undecided,
  count(*) FILTER (WHERE undecided AND in_kev IS NULL) AS without_kev
FROM patch_findings
