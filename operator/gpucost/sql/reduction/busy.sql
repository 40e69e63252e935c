-- Busy node time per bucket: the union of the charged attempts' intervals on each node. Ordered by start, an attempt adds
-- what lies after the latest end before it; these pieces do not overlap. An attempt without a node is a node of its own.
-- Reads: attempts. Parameters: width.
WITH pieces AS (
    SELECT
        type,
        greatest(
            part_start,
            coalesce(max(part_end) OVER (
                PARTITION BY type, node ORDER BY part_start
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), part_start)
        ) AS piece_start,
        part_end AS piece_end
    FROM attempts
    WHERE wanted AND outcome < 4 AND part_end > part_start AND node IS NOT NULL
    UNION ALL
    SELECT type, part_start AS piece_start, part_end AS piece_end
    FROM attempts
    WHERE wanted AND outcome < 4 AND part_end > part_start AND node IS NULL
),
spans AS (
    SELECT
        type,
        piece_start - ((piece_start % $width) + $width) % $width AS first,
        (piece_end - 1) - (((piece_end - 1) % $width) + $width) % $width AS last,
        count(*) AS pieces,
        sum(piece_start)::HUGEINT AS starts,
        sum(piece_end)::HUGEINT AS ends
    FROM pieces
    WHERE piece_end > piece_start
    GROUP BY ALL
)
SELECT
    bucket,
    type,
    sum(
        CASE WHEN bucket = last THEN ends ELSE pieces::HUGEINT * (bucket + $width) END
        - CASE WHEN bucket = first THEN starts ELSE pieces::HUGEINT * bucket END
    )::BIGINT AS busy
FROM (SELECT *, unnest(generate_series(first, last, $width)) AS bucket FROM spans)
GROUP BY ALL
