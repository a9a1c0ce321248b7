-- verdicts_agree_with_findings: counts, verdicts and reasons of patch_compliance against patch_findings, counted again.
WITH
counted AS (
  SELECT
    device_id,
    count(*) AS findings,
    sum(CASE WHEN state = 'overdue' THEN 1 ELSE 0 END) AS overdue,
    sum(CASE WHEN state = 'accepted' THEN 1 ELSE 0 END) AS accepted,
    sum(CASE WHEN undecided THEN 1 ELSE 0 END) AS undecided
  FROM patch_findings
  GROUP BY device_id
)
SELECT
  count(*) AS devices,
  count(*) FILTER (
    WHERE p.open_findings <> coalesce(c.findings, 0)
      OR p.overdue_findings <> coalesce(c.overdue, 0)
      OR p.accepted_findings <> coalesce(c.accepted, 0)
      OR p.undecided_findings <> coalesce(c.undecided, 0)
  ) AS other_counts,
  count(*) FILTER (
    WHERE p.verdict <> CASE
      WHEN p.population <> 'eligible' THEN 'unknown'
      WHEN coalesce(c.overdue, 0) > 0 OR list_contains(p.reasons, 'unsupported_software') THEN 'noncompliant'
      WHEN coalesce(c.undecided, 0) > 0 OR list_contains(p.reasons, 'inventory_unknown') THEN 'unknown'
      ELSE 'compliant' END
  ) AS other_verdicts,
  count(*) FILTER (
    WHERE p.population = 'eligible' AND (
      list_contains(p.reasons, 'overdue_findings') <> (coalesce(c.overdue, 0) > 0)
      OR list_contains(p.reasons, 'undecided_findings') <> (coalesce(c.undecided, 0) > 0)
      OR (
        list_contains(p.reasons, 'unsupported_software')
        AND coalesce(p.unsupported_software - p.exempt_unsupported_software, 0) <= 0
      )
    )
  ) AS other_reasons
FROM patch_compliance AS p
LEFT JOIN counted AS c ON c.device_id = p.device_id
