-- Devices whose antivirus is out of date
-- Table: agent_compliance
SELECT
  d.device_name,
  a.engine_state,
  a.platform_state,
  a.intelligence_state,
  d.av_engine_version,
  d.av_platform_version,
  d.av_signature_publish_time,
  a.device_id
FROM agent_compliance AS a
JOIN devices AS d USING (device_id)
WHERE a.population = 'eligible' AND 'out_of_date' IN (a.engine_state, a.platform_state, a.intelligence_state)
ORDER BY d.av_signature_publish_time NULLS FIRST, d.device_name
