-- In which antivirus mode are eligible Windows devices, the most common mode first?
--
-- Reads: agent_compliance.

SELECT av_mode AS mode, count(*) AS devices
FROM agent_compliance
WHERE population = 'eligible' AND platform_family = 'windows'
GROUP BY av_mode
ORDER BY devices DESC, av_mode NULLS LAST
