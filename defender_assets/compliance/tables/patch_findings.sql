-- patch_findings: one row per open finding, when it is due under the policy, and whether that has passed.
--
-- Reads: software_vulnerabilities, device_identity, vulnerabilities, kev, epss, ssvc (the last four may be empty), and of
-- the policy: policy_rules (a row per scope), policy_decision_table (a row per combination of the facts that a scope looks
-- at), policy_severities, policy_exploited_levels, policy_settings, policy_categories, policy_scope_members,
-- policy_exposure_tags, policy_exemptions and policy_exemption_devices, _cves and _products.

WITH
snapshot AS (
  SELECT max(as_of) AS as_of FROM device_identity
),
rules AS (
  SELECT
    *,
    kev_rule <> 'ignore' AS has_kev_dates,
    uses_in_kev OR kev_rule <> 'ignore' AS looks_at_kev,
    clock_published OR clock_patch_available AS starts_with_release,
    exceptions = 'honour' AS honours_exceptions,
    exceptions <> 'ignore' AS names_exceptions,
    unrated = 'unknown' AS unrated_is_unknown
  FROM policy_rules
),

-- 1. FINDINGS ---------------------------------------------------------------------------------------------------------
-- Rows without a CVE are no findings. A finding is device, vendor, product, version and CVE; rows repeated for several
-- device groups are one, with the earliest first sight and the latest last sight. Should repeated rows ever differ in the
-- rest, the more severe and the greater is taken.
-- The assessment holds what is open: its status member (New, Fixed, Updated) is about the last change, not the state.
--
-- Few rows are repeated, and grouping all of them would cost more than everything else here. So a hash of the key first
-- finds those that may be (keys that share a hash do no harm: these rows are grouped by the key itself).
repeated AS (
  SELECT hash(device_id, software_vendor, software_name, software_version, cve_id) AS fingerprint
  FROM software_vulnerabilities
  WHERE cve_id <> ''
  GROUP BY hash(device_id, software_vendor, software_name, software_version, cve_id)
  HAVING count(*) > 1
),
findings AS (
  SELECT
    v.device_id,
    v.software_vendor,
    v.software_name,
    v.software_version,
    v.cve_id,
    v.vulnerability_severity_level AS severity,
    v.cvss_score,
    v.exploitability_level,
    -- Export files come without security_update_available: then an update that is named is one, and without a name it
    -- is not known. Products of other vendors never name one.
    coalesce(
      v.security_update_available,
      CASE WHEN v.recommended_security_update_id IS NOT NULL OR v.recommended_security_update IS NOT NULL THEN TRUE END
    ) AS fix_named,
    v.recommended_security_update_id AS fix_id,
    -- Of the statuses that the portal has, those that say a mitigation is in force; 'pending reboot' and 'partially' are
    -- none. https://learn.microsoft.com/defender-vulnerability-management/tvm-manage-log4shell-guidance
    lower(v.cve_mitigation_status) IN ('mitigated', 'applied', 'workaround applied', 'workaroundapplied') AS is_mitigated,
    v.first_seen_timestamp AS first_seen_at,
    v.last_seen_timestamp AS last_seen_at
  FROM software_vulnerabilities AS v
  LEFT JOIN repeated AS r
    ON r.fingerprint = hash(v.device_id, v.software_vendor, v.software_name, v.software_version, v.cve_id)
  WHERE v.cve_id <> '' AND r.fingerprint IS NULL
  UNION ALL
  SELECT
    v.device_id,
    v.software_vendor,
    v.software_name,
    v.software_version,
    v.cve_id,
    -- Behind its rank, so that of words of one rank (High, high) always the same is taken.
    substr(
      max(
        concat(
          CASE lower(trim(v.vulnerability_severity_level))
            WHEN 'critical' THEN '4' WHEN 'high' THEN '3' WHEN 'medium' THEN '2' WHEN 'low' THEN '1' ELSE '0'
          END,
          v.vulnerability_severity_level
        )
      ) FILTER (WHERE v.vulnerability_severity_level IS NOT NULL),
      2
    ) AS severity,
    max(v.cvss_score) AS cvss_score,
    -- Any word for an exploit before the one that there is none.
    coalesce(
      max(v.exploitability_level) FILTER (WHERE lower(trim(v.exploitability_level)) NOT IN ('noexploit', 'none', '')),
      max(v.exploitability_level)
    ) AS exploitability_level,
    -- One row without a word leaves it open, whatever the others deny.
    CASE
      WHEN bool_or(
        coalesce(
          v.security_update_available,
          v.recommended_security_update_id IS NOT NULL OR v.recommended_security_update IS NOT NULL
        )
      ) THEN TRUE
      WHEN count(v.security_update_available) = count(*) THEN FALSE
    END AS fix_named,
    max(v.recommended_security_update_id) AS fix_id,
    -- One row that does not say so leaves the finding open.
    bool_and(
      coalesce(
        lower(v.cve_mitigation_status) IN ('mitigated', 'applied', 'workaround applied', 'workaroundapplied'), FALSE
      )
    ) AS is_mitigated,
    min(v.first_seen_timestamp) AS first_seen_at,
    max(v.last_seen_timestamp) AS last_seen_at
  FROM software_vulnerabilities AS v
  INNER JOIN repeated AS r
    ON r.fingerprint = hash(v.device_id, v.software_vendor, v.software_name, v.software_version, v.cve_id)
  WHERE v.cve_id <> ''
  GROUP BY v.device_id, v.software_vendor, v.software_name, v.software_version, v.cve_id
),

-- 2. WHAT IS KNOWN OF EACH CVE ------------------------------------------------------------------------------------------
-- However the assessment spells a CVE, it is looked up as it is numbered.
cves AS (
  SELECT cve_id, upper(trim(cve_id)) AS cve_key
  FROM (SELECT DISTINCT cve_id FROM software_vulnerabilities WHERE cve_id <> '') AS named
),
published AS (
  SELECT
    upper(trim(id)) AS cve_id,
    min(published_on) AS published_on,
    min(patch_first_available) AS patch_first_available,
    max(epss) AS epss,
    -- Should rows of one CVE ever differ, the most severe word counts.
    substr(
      max(
        concat(
          CASE lower(trim(severity))
            WHEN 'critical' THEN '4' WHEN 'high' THEN '3' WHEN 'medium' THEN '2' WHEN 'low' THEN '1' ELSE '0'
          END,
          lower(trim(severity))
        )
      ) FILTER (WHERE severity IS NOT NULL),
      2
    ) AS severity,
    -- The service sends 0 where there is no score; below it there are none.
    CASE WHEN max(cvss_v3) > 0 THEN max(cvss_v3) END AS cvss_score,
    min(lower(trim(status))) AS status
  FROM vulnerabilities
  GROUP BY upper(trim(id))
),
known_exploited AS (
  -- A calendar date of a catalogue means the end of that day in UTC.
  SELECT
    upper(trim(cve_id)) AS cve_id,
    min(date_added) AS added_at,
    min(due_date) + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND AS due_at
  FROM kev
  GROUP BY upper(trim(cve_id))
),
feeds AS (
  SELECT
    -- An old copy of the catalogue lacks what was added since: it says nothing of CVEs that are not in it.
    coalesce((SELECT max(observed_at) FROM kev) >= s.as_of - INTERVAL 1 DAY * p.kev_max_days, FALSE) AS has_kev,
    (SELECT count(*) FROM vulnerabilities) > 0 AS has_vulnerabilities
  FROM snapshot AS s
  CROSS JOIN policy_settings AS p
),
predicted AS (
  SELECT cve_id, max(epss) AS epss FROM epss GROUP BY cve_id
),
decided AS (
  SELECT
    cve_id,
    bool_or(CASE lower(automatable) WHEN 'yes' THEN TRUE WHEN 'no' THEN FALSE END) AS automatable,
    bool_or(CASE lower(technical_impact) WHEN 'total' THEN TRUE WHEN 'partial' THEN FALSE END) AS total_impact
  FROM ssvc
  GROUP BY cve_id
),
cve_facts AS (
  SELECT
    c.cve_id,
    p.published_on,
    p.patch_first_available,
    coalesce(p.epss, e.epss) AS epss,
    CASE WHEN k.cve_id IS NOT NULL THEN TRUE WHEN f.has_kev THEN FALSE END AS in_kev,
    k.added_at AS kev_added_at,
    k.due_at AS kev_due_at,
    d.automatable,
    d.total_impact,
    l.severity,
    p.cvss_score,
    p.status = 'underexception' AS is_accepted,
    p.status = 'partialexception' AS is_accepted_in_part
  FROM cves AS c
  CROSS JOIN feeds AS f
  LEFT JOIN published AS p ON p.cve_id = c.cve_key
  LEFT JOIN known_exploited AS k ON k.cve_id = c.cve_key
  LEFT JOIN predicted AS e ON e.cve_id = c.cve_key
  LEFT JOIN decided AS d ON d.cve_id = c.cve_key
  LEFT JOIN policy_severities AS l ON l.severity = p.severity
),

-- 3. WHAT IS KNOWN OF EACH PRODUCT --------------------------------------------------------------------------------------
-- The first entry of the policy's map that names it; without one it is 'other'.
products AS (
  SELECT DISTINCT software_vendor, software_name, lower(software_vendor) AS vendor, lower(software_name) AS name
  FROM software_vulnerabilities
  WHERE cve_id <> ''
),
product_categories AS (
  SELECT p.software_vendor, p.software_name, min_by(c.category, c.position) AS category
  FROM products AS p
  INNER JOIN policy_categories AS c
    ON (c.software_vendor IS NULL OR c.software_vendor = p.vendor)
    AND (c.software_name = p.name OR (c.is_prefix AND starts_with(p.name, c.software_name)))
  GROUP BY p.software_vendor, p.software_name
),

-- 4. WHAT IS KNOWN OF EACH DEVICE ---------------------------------------------------------------------------------------
-- Everything by which a policy can name a device.
device_names AS (
  SELECT device_id, 'device' AS kind, lower(device_id) AS value FROM device_identity
  UNION ALL
  SELECT device_id, 'device' AS kind, lower(device_name) AS value FROM device_identity
  UNION ALL
  SELECT device_id, 'group' AS kind, lower(rbac_group_name) AS value FROM device_identity
  UNION ALL
  SELECT device_id, 'platform' AS kind, platform_family AS value FROM device_identity
  UNION ALL
  SELECT device_id, 'tag' AS kind, lower(tag) AS value
  FROM (SELECT device_id, unnest(machine_tags) AS tag FROM device_identity) AS tagged
),
-- The first scope that names the device.
device_scopes AS (
  SELECT n.device_id, min_by(m.scope, m.position) AS scope
  FROM device_names AS n
  INNER JOIN policy_scope_members AS m ON m.kind = n.kind AND m.value = n.value
  GROUP BY n.device_id
),
-- Exposed to the internet by one tag; known not to be by another; unknown without either.
device_exposure AS (
  SELECT n.device_id, bool_or(t.exposed) AS exposed
  FROM device_names AS n
  INNER JOIN policy_exposure_tags AS t ON n.kind = 'tag' AND t.tag = n.value
  GROUP BY n.device_id
),
device_facts AS (
  SELECT d.device_id, s.scope, e.exposed
  FROM device_identity AS d
  LEFT JOIN device_scopes AS s ON s.device_id = d.device_id
  LEFT JOIN device_exposure AS e ON e.device_id = d.device_id
),

-- 5. EXEMPTIONS ---------------------------------------------------------------------------------------------------------
-- In force until the end of their last day; everything an exemption names has to hold, whatever else the finding is.
exemptions AS (
  SELECT e.*
  FROM policy_exemptions AS e
  CROSS JOIN snapshot AS s
  WHERE s.as_of <= e.expires_at
),
exempt_devices AS (
  SELECT x.position, n.device_id
  FROM device_names AS n
  INNER JOIN policy_exemption_devices AS x ON x.kind = n.kind AND x.value = n.value
  INNER JOIN exemptions AS e ON e.position = x.position
  GROUP BY x.position, n.device_id
  HAVING count(DISTINCT n.kind) = max(e.device_kinds)
),
exempt_by_device AS (
  SELECT x.device_id, min(x.position) AS position
  FROM exempt_devices AS x
  INNER JOIN exemptions AS e ON e.position = x.position AND NOT e.names_cves AND NOT e.names_products
  GROUP BY x.device_id
),
exempt_by_cve AS (
  SELECT x.cve_id, min(x.position) AS position
  FROM policy_exemption_cves AS x
  INNER JOIN exemptions AS e ON e.position = x.position AND e.device_kinds = 0 AND NOT e.names_products
  GROUP BY x.cve_id
),
-- Exemptions that name a product, or two kinds of things: the findings they reach, one by one.
reached AS (
  -- devices, and CVEs or products or both
  SELECT
    f.device_id, f.software_vendor, f.software_name, f.software_version, f.cve_id, x.position, e.names_cves, e.names_products
  FROM software_vulnerabilities AS f
  INNER JOIN exempt_devices AS x ON x.device_id = f.device_id
  INNER JOIN exemptions AS e ON e.position = x.position AND (e.names_cves OR e.names_products)
  UNION ALL
  -- CVEs and products, on any device
  SELECT
    f.device_id, f.software_vendor, f.software_name, f.software_version, f.cve_id, x.position, FALSE, TRUE
  FROM software_vulnerabilities AS f
  INNER JOIN policy_exemption_cves AS x ON x.cve_id = f.cve_id
  INNER JOIN exemptions AS e ON e.position = x.position AND e.names_products AND e.device_kinds = 0
  UNION ALL
  -- products alone
  SELECT
    f.device_id, f.software_vendor, f.software_name, f.software_version, f.cve_id, x.position, FALSE, TRUE
  FROM software_vulnerabilities AS f
  INNER JOIN policy_exemption_products AS x ON x.software_name = lower(f.software_name)
  INNER JOIN exemptions AS e ON e.position = x.position AND NOT e.names_cves AND e.device_kinds = 0
),
exempt_one_by_one AS (
  SELECT r.device_id, r.software_vendor, r.software_name, r.software_version, r.cve_id, min(r.position) AS position
  FROM reached AS r
  LEFT JOIN policy_exemption_cves AS c ON c.position = r.position AND c.cve_id = r.cve_id
  LEFT JOIN policy_exemption_products AS p
    ON p.position = r.position
    AND p.software_name = lower(r.software_name)
    AND (p.software_vendor IS NULL OR p.software_vendor = lower(r.software_vendor))
    AND (p.software_version IS NULL OR p.software_version = lower(r.software_version))
  WHERE (NOT r.names_cves OR c.cve_id IS NOT NULL) AND (NOT r.names_products OR p.position IS NOT NULL)
  GROUP BY r.device_id, r.software_vendor, r.software_name, r.software_version, r.cve_id
),

-- 6. THE FACTS THAT DECIDE ----------------------------------------------------------------------------------------------
-- What a finding does not say itself is taken from its CVE: the severity, the CVSS score, whether a patch is out.
told AS (
  SELECT
    f.*,
    s.as_of,
    r.scope,
    r.position AS scope_position,
    -- A clock that is more than a day ahead proves nothing: what has not come yet would never be due.
    CASE WHEN f.first_seen_at <= s.as_of + INTERVAL 1 DAY THEN f.first_seen_at END AS believed_seen_at,
    CASE WHEN c.published_on <= s.as_of + INTERVAL 1 DAY THEN c.published_on END AS published_on,
    c.patch_first_available,
    c.epss,
    c.in_kev,
    c.kev_added_at,
    CASE r.kev_rule
      WHEN 'earlier_due_date' THEN c.kev_due_at
      WHEN 'days' THEN c.kev_added_at + INTERVAL 1 DAY * r.kev_days
    END AS kev_date,
    r.has_kev_dates,
    r.kev_grace_days,
    r.published_grace_days,
    r.clock_first_seen,
    r.clock_published,
    r.clock_patch_available,
    r.clock_kev_added,
    r.stand_in,
    r.honours_exceptions,
    r.names_exceptions,
    r.unrated_is_unknown,
    r.no_fix_counts,
    r.due_soon_days,
    r.uses_severity,
    r.names_unrated,
    r.looks_at_kev,
    r.assume_in_kev,
    r.starts_with_release AND NOT b.has_vulnerabilities AS lacks_release_dates,
    coalesce(f.fix_named, CASE WHEN c.patch_first_available <= s.as_of THEN TRUE END) AS fix_available,
    CASE WHEN c.is_accepted THEN 'CVE exception' WHEN f.is_mitigated THEN 'mitigation' END AS accepted_by,
    c.is_accepted_in_part,
    l.severity AS own_severity,
    c.severity AS cve_severity,
    coalesce(CASE WHEN f.cvss_score > 0 THEN f.cvss_score END, c.cvss_score) AS any_cvss_score,
    least(xd.position, xc.position, xo.position) AS exemption_position,
    r.uses_in_kev AND coalesce(c.in_kev, r.assume_in_kev, FALSE) AS fact_in_kev,
    r.uses_exposed AND coalesce(d.exposed, r.assume_exposed) AS fact_exposed,
    r.uses_automatable AND coalesce(c.automatable, r.assume_automatable) AS fact_automatable,
    r.uses_total_impact AND coalesce(c.total_impact, r.assume_total_impact) AS fact_total_impact,
    r.uses_exploited AND x.exploitability_level IS NOT NULL AS fact_exploited,
    r.uses_high_cvss,
    p.cvss_threshold,
    CASE WHEN NOT r.uses_category THEN 'any' ELSE coalesce(k.category, 'other') END AS fact_category,
    CASE
      WHEN (r.looks_at_kev AND c.in_kev IS NULL)
        OR (r.uses_exposed AND d.exposed IS NULL)
        OR (r.uses_automatable AND c.automatable IS NULL)
        OR (r.uses_total_impact AND c.total_impact IS NULL)
        THEN concat_ws(
          ', ',
          CASE WHEN r.looks_at_kev AND c.in_kev IS NULL THEN 'in_kev' END,
          CASE WHEN r.uses_exposed AND d.exposed IS NULL THEN 'exposed' END,
          CASE WHEN r.uses_automatable AND c.automatable IS NULL THEN 'automatable' END,
          CASE WHEN r.uses_total_impact AND c.total_impact IS NULL THEN 'technical_impact' END
        )
    END AS assumed
  FROM findings AS f
  CROSS JOIN snapshot AS s
  CROSS JOIN feeds AS b
  CROSS JOIN policy_settings AS p
  LEFT JOIN device_facts AS d ON d.device_id = f.device_id
  LEFT JOIN cve_facts AS c ON c.cve_id = f.cve_id
  LEFT JOIN product_categories AS k
    ON k.software_vendor IS NOT DISTINCT FROM f.software_vendor AND k.software_name = f.software_name
  LEFT JOIN policy_severities AS l ON l.severity = lower(trim(f.severity))
  LEFT JOIN policy_exploited_levels AS x ON x.exploitability_level = lower(trim(f.exploitability_level))
  LEFT JOIN exempt_by_device AS xd ON xd.device_id = f.device_id
  LEFT JOIN exempt_by_cve AS xc ON xc.cve_id = f.cve_id
  LEFT JOIN exempt_one_by_one AS xo
    ON xo.device_id = f.device_id
    AND xo.cve_id = f.cve_id
    AND xo.software_vendor IS NOT DISTINCT FROM f.software_vendor
    AND xo.software_name IS NOT DISTINCT FROM f.software_name
    AND xo.software_version IS NOT DISTINCT FROM f.software_version
  -- A device that is in no scope, or that the machine list lacks, is judged by the rules for all devices (position 0).
  INNER JOIN rules AS r ON r.scope = coalesce(d.scope, 'all devices')
),
-- The severity: the finding's level, else its CVE's, else the band of the CVSS score
-- (https://www.first.org/cvss/specification-document). A scope with a rule for what the vendor does not rate judges by
-- that rule, whatever the score.
rated AS (
  SELECT
    k.*,
    CASE
      WHEN own_severity IS NOT NULL THEN own_severity
      WHEN cve_severity IS NOT NULL THEN cve_severity
      WHEN any_cvss_score >= 9 THEN 'critical'
      WHEN any_cvss_score >= 7 THEN 'high'
      WHEN any_cvss_score >= 4 THEN 'medium'
      WHEN any_cvss_score > 0 THEN 'low'
    END AS rated_severity
  FROM told AS k
),
-- A fact that the scope's rules do not look at is 'any' or false; one that is unknown is read as the policy says
-- (assume_...), and named in `assumed`.
known AS (
  SELECT
    k.*,
    CASE
      WHEN own_severity IS NOT NULL THEN 'finding'
      WHEN cve_severity IS NOT NULL THEN 'cve'
      WHEN rated_severity IS NOT NULL THEN 'cvss'
    END AS severity_source,
    CASE
      WHEN NOT uses_severity THEN 'any'
      WHEN names_unrated AND own_severity IS NULL AND cve_severity IS NULL THEN 'unrated'
      ELSE coalesce(rated_severity, 'unrated')
    END AS fact_severity,
    uses_high_cvss AND coalesce(any_cvss_score >= cvss_threshold, FALSE) AS fact_high_cvss
  FROM rated AS k
),

-- 7. THE CLOCK ----------------------------------------------------------------------------------------------------------
-- The date that the policy names, the earliest if it names several; a stand-in if none of them is known.
clocked AS (
  SELECT
    k.*,
    least(
      CASE WHEN clock_first_seen THEN believed_seen_at END,
      CASE WHEN clock_published THEN published_on END,
      CASE WHEN clock_patch_available THEN patch_first_available END,
      CASE WHEN clock_kev_added THEN kev_added_at END
    ) AS asked_at,
    CASE stand_in
      WHEN 'published' THEN coalesce(published_on, believed_seen_at, patch_first_available)
      ELSE coalesce(believed_seen_at, published_on, patch_first_available)
    END AS stand_in_at
  FROM known AS k
),
started AS (
  SELECT
    k.*,
    coalesce(asked_at, stand_in_at) AS clock_start_at,
    CASE
      WHEN asked_at IS NOT NULL THEN
        CASE
          WHEN clock_first_seen AND believed_seen_at = asked_at THEN 'first_seen'
          WHEN clock_kev_added AND kev_added_at = asked_at THEN 'kev_added'
          WHEN clock_patch_available AND patch_first_available = asked_at THEN 'patch_available'
          ELSE 'published'
        END
      WHEN stand_in = 'published' AND published_on IS NOT NULL THEN 'published'
      WHEN believed_seen_at IS NOT NULL THEN 'first_seen'
      WHEN published_on IS NOT NULL THEN 'published'
      WHEN patch_first_available IS NOT NULL THEN 'patch_available'
    END AS clock_source
  FROM clocked AS k
),

-- 8. THE DUE DATE -------------------------------------------------------------------------------------------------------
-- N days are N times 24 hours from the start of the clock, a month is a calendar month; the KEV catalogue's date counts
-- where it is earlier, or where the rules give none. LEAST passes over nulls.
dated AS (
  SELECT
    k.*,
    t.rule,
    t.severity_matters,
    t.high_cvss_matters,
    t.exploited_matters,
    t.in_kev_matters,
    t.due_hours,
    k.clock_start_at + INTERVAL 1 HOUR * t.due_hours + INTERVAL 1 MONTH * t.due_months AS rule_date,
    -- A date that began before the finding was there (a CVE's, its patch's, the catalogue's) is not due before this.
    CASE
      WHEN clock_source IN ('published', 'patch_available')
        THEN believed_seen_at + INTERVAL 1 DAY * published_grace_days
      WHEN clock_source = 'kev_added' THEN believed_seen_at + INTERVAL 1 DAY * kev_grace_days
    END AS rule_not_before,
    CASE WHEN kev_date IS NOT NULL THEN believed_seen_at + INTERVAL 1 DAY * kev_grace_days END AS kev_not_before
  FROM started AS k
  LEFT JOIN policy_decision_table AS t
    ON t.scope = k.scope
    AND t.severity = k.fact_severity
    AND t.in_kev = k.fact_in_kev
    AND t.exposed = k.fact_exposed
    AND t.automatable = k.fact_automatable
    AND t.total_impact = k.fact_total_impact
    AND t.exploited = k.fact_exploited
    AND t.high_cvss = k.fact_high_cvss
    AND t.category = k.fact_category
),
graced AS (
  SELECT
    k.*,
    CASE WHEN rule_not_before > rule_date THEN rule_not_before ELSE rule_date END AS rule_due_at,
    CASE WHEN kev_not_before > kev_date THEN kev_not_before ELSE kev_date END AS kev_due_at
  FROM dated AS k
),
due AS (
  SELECT
    k.*,
    e.exemption,
    least(k.rule_due_at, k.kev_due_at) AS due_at,
    k.kev_due_at IS NOT NULL AND (k.rule_due_at IS NULL OR k.kev_due_at < k.rule_due_at) AS is_kev_date,
    -- What is not known, and could make it due earlier.
    k.unrated_is_unknown AND coalesce(k.severity_matters, FALSE) AS lacks_severity,
    k.unrated_is_unknown AND coalesce(k.high_cvss_matters AND k.any_cvss_score IS NULL, FALSE) AS lacks_cvss_score,
    k.unrated_is_unknown
    AND coalesce(k.exploited_matters AND k.exploitability_level IS NULL, FALSE) AS lacks_exploitability,
    k.unrated_is_unknown AND k.due_hours IS NOT NULL AND k.clock_start_at IS NULL AS lacks_start,
    k.lacks_release_dates AND k.due_hours IS NOT NULL AS lacks_release_date,
    CASE
      WHEN k.in_kev IS NOT NULL THEN FALSE
      WHEN k.assume_in_kev IS NULL AND k.in_kev_matters THEN TRUE
      -- The catalogue cannot make it overdue before this.
      WHEN k.has_kev_dates AND coalesce(k.assume_in_kev, TRUE)
        THEN coalesce(k.as_of > k.believed_seen_at + INTERVAL 1 DAY * k.kev_grace_days, TRUE)
      ELSE FALSE
    END AS lacks_kev
  FROM graced AS k
  LEFT JOIN exemptions AS e ON e.position = k.exemption_position
),

-- 9. THE STATE: the first that holds ------------------------------------------------------------------------------------
stated AS (
  SELECT
    k.*,
    CASE
      WHEN exemption IS NOT NULL THEN 'exempt'
      WHEN accepted_by IS NOT NULL AND honours_exceptions THEN 'accepted'
      WHEN NOT fix_available AND NOT no_fix_counts THEN 'no_fix'
      WHEN due_at IS NULL THEN 'no_due_date'
      WHEN as_of > due_at THEN 'overdue'
      WHEN due_at <= as_of + INTERVAL 1 DAY * due_soon_days THEN 'due_soon'
      ELSE 'on_time'
    END AS state,
    CASE
      WHEN exemption IS NOT NULL THEN concat('exemption ', exemption)
      WHEN accepted_by IS NOT NULL AND honours_exceptions THEN concat(accepted_by, ' in Defender')
      WHEN NOT fix_available AND NOT no_fix_counts THEN 'no security update'
      WHEN is_kev_date THEN 'KEV catalogue'
      ELSE coalesce(rule, 'no rule')
    END AS decision
  FROM due AS k
),
judged AS (
  SELECT
    k.*,
    state IN ('no_due_date', 'due_soon', 'on_time')
    AND (
      lacks_severity OR lacks_cvss_score OR lacks_exploitability OR lacks_start OR lacks_release_date OR lacks_kev
    ) AS undecided,
    -- What else there is to say of a date that counts.
    state IN ('no_due_date', 'overdue', 'due_soon', 'on_time')
    AND (
      (uses_severity AND severity_source IN ('cve', 'cvss'))
      OR (CASE WHEN is_kev_date THEN kev_not_before > kev_date ELSE rule_not_before > rule_date END)
      OR (fix_available IS NULL AND NOT no_fix_counts)
      OR (names_exceptions AND (accepted_by IS NOT NULL OR is_accepted_in_part))
    ) AS is_remarkable
  FROM stated AS k
)

SELECT
  device_id,
  software_vendor,
  software_name,
  software_version,
  cve_id,
  severity,
  rated_severity,
  severity_source,
  cvss_score,
  exploitability_level,
  in_kev,
  epss,
  fix_available,
  fix_id,
  accepted_by,
  first_seen_at,
  last_seen_at,
  clock_start_at,
  clock_source,
  due_at,
  state,
  undecided,
  -- Whole days: 86,400,000,000 microseconds each.
  CASE WHEN state = 'overdue' THEN date_diff('microsecond', due_at, as_of) // 86400000000 END AS days_overdue,
  CASE
    WHEN scope_position = 0 AND assumed IS NULL AND NOT coalesce(is_remarkable, FALSE) AND NOT undecided THEN decision
    ELSE concat_ws(
      '; ',
      decision,
      CASE WHEN scope_position > 0 THEN concat('scope ', scope) END,
      CASE
        WHEN NOT is_remarkable OR NOT uses_severity OR is_kev_date THEN NULL
        WHEN fact_severity = 'unrated' THEN NULL
        WHEN severity_source = 'cve' THEN 'severity of the CVE'
        WHEN severity_source = 'cvss' THEN 'severity by CVSS'
      END,
      CASE
        WHEN NOT is_remarkable THEN NULL
        WHEN is_kev_date AND kev_not_before > kev_date
          THEN concat('not before first seen plus ', CAST(kev_grace_days AS VARCHAR), ' days')
        WHEN NOT is_kev_date AND rule_not_before > rule_date
          THEN concat(
            'not before first seen plus ',
            CAST(CASE WHEN clock_source = 'kev_added' THEN kev_grace_days ELSE published_grace_days END AS VARCHAR),
            ' days'
          )
      END,
      CASE
        WHEN NOT is_remarkable OR NOT names_exceptions THEN NULL
        WHEN accepted_by IS NOT NULL THEN concat(accepted_by, ' in Defender')
        WHEN is_accepted_in_part THEN 'partial exception in Defender, device groups not known'
      END,
      CASE
        WHEN is_remarkable AND fix_available IS NULL AND NOT no_fix_counts
          THEN concat('assumed ', concat_ws(', ', assumed, 'fix'))
        WHEN assumed IS NOT NULL THEN concat('assumed ', assumed)
      END,
      CASE
        WHEN undecided THEN concat(
          'undecided without ',
          concat_ws(
            ', ',
            CASE WHEN lacks_severity THEN 'severity' END,
            CASE WHEN lacks_cvss_score THEN 'CVSS score' END,
            CASE WHEN lacks_exploitability THEN 'exploitability' END,
            CASE WHEN lacks_start THEN 'start date' END,
            CASE WHEN lacks_release_date THEN 'release dates' END,
            CASE WHEN lacks_kev THEN 'KEV catalogue' END
          )
        )
      END
    )
  END AS decided_by,
  as_of,
  (SELECT absent_inputs FROM input_state) AS absent_inputs
FROM judged
