"""What answers are made of: every type that DuckDB has, and a terminal to show them on."""

import io

EVERY_TYPE = """
    SELECT 1 AS n, 1.5::DOUBLE AS score, 12.50::DECIMAL(10, 2) AS price, sum(9007199254740993) OVER () AS big,
        'Gerät' AS name, '' AS nothing, NULL AS gap, true AS yes, DATE '2026-03-02' AS day,
        TIMESTAMPTZ '2026-03-02 12:00:00.000001+00' AS moment, TIMESTAMP '2026-03-02 12:00:00' AS local,
        TIME '01:02:03' AS clock, INTERVAL 1 DAY + INTERVAL 90 SECOND AS age, [1, NULL] AS list,
        {'a': 'x', 'when': TIMESTAMPTZ '2026-03-02 12:00:00+00'} AS struct, MAP {'k': 1} AS map,
        '\\x00\\xFF'::BLOB AS bytes, 'small'::ENUM ('small', 'large') AS size,
        UUID '00000000-0000-0000-0000-000000000001' AS uuid, 'nan'::DOUBLE AS nan
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
