-- Busy node time per bucket: pieces are summed by first and last bucket, then spread as executed time is.
-- Reads: pieces. Parameters: width.
WITH spans AS (
    SELECT
        first, last, type, count(*) AS pieces, sum(piece_start - first) AS starts, sum(piece_end - last) AS ends
    FROM (
        SELECT
            *,
            piece_start - ((piece_start % $width) + $width) % $width AS first,
            (piece_end - 1) - (((piece_end - 1) % $width) + $width) % $width AS last
        FROM pieces
    )
    GROUP BY ALL
)
SELECT bucket, type, CAST(sum(busy) AS BIGINT) AS busy
FROM (
    SELECT type, last AS bucket, ends - CASE WHEN first = last THEN starts ELSE 0 END AS busy FROM spans
    UNION ALL
    SELECT type, first, pieces * $width - starts FROM spans WHERE last > first
    UNION ALL
    SELECT type, unnest(generate_series(first + $width, last - $width, $width)), pieces * $width
    FROM spans
    WHERE last > first + $width
)
GROUP BY ALL
