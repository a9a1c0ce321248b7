-- verdict_reasons: the sentences, and the records they are about.
SELECT
  count(DISTINCT device_id) AS machines,
  count(DISTINCT CASE WHEN verdict = 'noncompliant' THEN device_id END) AS noncompliant,
  count(*) AS reasons,
  count(*) FILTER (WHERE policy_line IS NOT NULL) AS with_policy_line
FROM verdict_reasons
