-- Which devices should be patched first? Those with the most critical findings overdue first.
--
-- Reads: device_identity, patch_compliance. total: the devices with an overdue finding, whatever the limit.

SELECT
  d.device_id,
  d.device_name,
  d.rbac_group_name AS group_name,
  d.os_platform,
  p.overdue_findings,
  p.overdue_critical,
  p.kev_findings,
  p.oldest_overdue_days,
  count(*) OVER () AS total
FROM patch_compliance AS p
INNER JOIN device_identity AS d ON d.device_id = p.device_id
WHERE p.population = 'eligible' AND p.overdue_findings > 0
ORDER BY
  p.overdue_critical DESC NULLS LAST,
  p.overdue_findings DESC NULLS LAST,
  p.oldest_overdue_days DESC NULLS LAST,
  p.device_id
LIMIT 20000
