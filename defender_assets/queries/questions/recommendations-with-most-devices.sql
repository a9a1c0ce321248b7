-- What Microsoft recommends for most devices
-- Table: recommendations
-- $top = 20: how many recommendations.
SELECT recommendation_name, exposed_machines_count, severity_score, weaknesses, public_exploit, remediation_type, status
FROM recommendations
WHERE lower(status) = 'active'
ORDER BY exposed_machines_count DESC NULLS LAST, severity_score DESC NULLS LAST, recommendation_name
LIMIT CAST($top AS INTEGER)
