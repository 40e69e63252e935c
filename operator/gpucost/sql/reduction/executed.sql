-- Executed time per bucket: a part in the first, a part in the last, whole buckets between.
-- Reads: all_spans. Parameters: width.
SELECT bucket, service, type, outcome, wanted, CAST(sum(executed) AS BIGINT) AS executed
FROM (
    SELECT
        service, type, outcome, wanted,
        last AS bucket,
        ends - CASE WHEN first = last THEN starts ELSE 0 END AS executed
    FROM all_spans
    UNION ALL
    SELECT service, type, outcome, wanted, first, attempts * $width - starts FROM all_spans WHERE last > first
    UNION ALL
    SELECT service, type, outcome, wanted, unnest(generate_series(first + $width, last - $width, $width)), attempts * $width
    FROM all_spans
    WHERE last > first + $width
)
GROUP BY ALL
