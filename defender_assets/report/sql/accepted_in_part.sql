-- Was the list of vulnerabilities, which has the exceptions, absent when the findings were judged?
--
-- Reads: patch_findings.

SELECT coalesce(bool_or(list_contains(string_split(absent_inputs, ', '), 'vulnerabilities')), FALSE) AS exceptions_absent
FROM patch_findings
