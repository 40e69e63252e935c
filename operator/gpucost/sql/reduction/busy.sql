-- Busy node time per bucket, and the most nodes that were busy at one instant of it. Pieces of one node do not overlap, so that
-- the level, the number of busy nodes, rises by one where a piece starts and falls by one where it ends; both at one instant
-- cancel. Busy time is the area below the level: a level ends in its first bucket, or is spread over those that it spans.
-- Reads: pieces. Parameters: width.
WITH levels AS (
    SELECT
        type, ts, until, level,
        ts - ((ts % $width) + $width) % $width AS first,
        (until - 1) - (((until - 1) % $width) + $width) % $width AS last
    FROM (
        SELECT type, ts, lead(ts) OVER by_time AS until, CAST(sum(change) OVER by_time AS BIGINT) AS level
        FROM (
            SELECT type, ts, sum(change) AS change
            FROM (
                SELECT type, piece_start AS ts, 1 AS change FROM pieces
                UNION ALL
                SELECT type, piece_end, -1 FROM pieces
            )
            GROUP BY type, ts
        )
        WINDOW by_time AS (PARTITION BY type ORDER BY ts)
    )
    WHERE level > 0
)
SELECT bucket, type, CAST(sum(busy) AS BIGINT) AS busy, max(level) AS nodes
FROM (
    SELECT type, last AS bucket, level, level * (until - greatest(ts, last)) AS busy FROM levels
    UNION ALL
    SELECT type, first, level, level * (first + $width - ts) FROM levels WHERE last > first
    UNION ALL
    SELECT type, unnest(generate_series(first + $width, last - $width, $width)), level, level * $width
    FROM levels
    WHERE last > first + $width
)
GROUP BY bucket, type
