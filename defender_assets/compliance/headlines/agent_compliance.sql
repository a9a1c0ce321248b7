-- agent_compliance: verdicts, agent states and antivirus parts of eligible devices.
SELECT
  count(*) FILTER (WHERE population = 'eligible') AS eligible,
  count(*) FILTER (WHERE population = 'eligible' AND verdict = 'compliant') AS compliant,
  count(*) FILTER (WHERE population = 'eligible' AND verdict = 'noncompliant') AS noncompliant,
  count(*) FILTER (WHERE population = 'eligible' AND verdict = 'unknown') AS unknown,
  count(*) FILTER (WHERE population <> 'eligible') AS not_eligible,
  count(*) FILTER (WHERE population = 'eligible' AND agent_state = 'current') AS agent_current,
  count(*) FILTER (WHERE population = 'eligible' AND agent_state = 'behind') AS agent_behind,
  count(*) FILTER (WHERE population = 'eligible' AND agent_state = 'unsupported') AS agent_unsupported,
  count(*) FILTER (WHERE population = 'eligible' AND agent_state = 'unknown') AS agent_unknown,
  count(*) FILTER (WHERE population = 'eligible' AND platform_family = 'windows') AS windows,
  -- What is out of date is not known where no state is.
  CASE WHEN count(*) FILTER (WHERE population = 'eligible' AND engine_state IN ('up_to_date', 'out_of_date')) > 0
    THEN count(*) FILTER (WHERE population = 'eligible' AND engine_state = 'out_of_date') END AS engine_out_of_date,
  CASE WHEN count(*) FILTER (WHERE population = 'eligible' AND platform_state IN ('up_to_date', 'out_of_date')) > 0
    THEN count(*) FILTER (WHERE population = 'eligible' AND platform_state = 'out_of_date') END AS platform_out_of_date,
  CASE WHEN count(*) FILTER (WHERE population = 'eligible' AND intelligence_state IN ('up_to_date', 'out_of_date')) > 0
    THEN count(*) FILTER (WHERE population = 'eligible' AND intelligence_state = 'out_of_date')
  END AS intelligence_out_of_date,
  count(*) FILTER (
    WHERE population = 'eligible' AND 'unknown' IN (engine_state, platform_state, intelligence_state)
  ) AS antivirus_unknown,
  count(*) FILTER (WHERE population = 'eligible' AND disagrees) AS disagrees
FROM agent_compliance
