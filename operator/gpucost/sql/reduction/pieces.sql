-- Busy pieces that do not overlap: of each interval what lies after the latest end before it. Each node has a stretch of its
-- own of one line (span is longer than the period), so that ordered by start one running maximum serves all nodes.
-- Reads: all_intervals, all_alone, kinds. Parameters: lo, span.
SELECT
    kinds.type,
    CAST(b.first - b.node * $span AS BIGINT) + $lo AS piece_start,
    CAST(b.last - b.node * $span AS BIGINT) + $lo AS piece_end
FROM (
    SELECT CAST(first // $span AS INTEGER) AS node, greatest(first, reached) AS first, last
    FROM (
        SELECT first, last, coalesce(lag(reach) OVER (), 0) AS reached
        FROM (
            SELECT first, last, max(last) OVER (ROWS UNBOUNDED PRECEDING) AS reach
            FROM (SELECT node * $span + first AS first, node * $span + last AS last FROM all_intervals ORDER BY 1)
        )
    )
    WHERE last > reached
) AS b
INNER JOIN kinds ON kinds.node = b.node
UNION ALL
SELECT type, piece_start, piece_end FROM all_alone
