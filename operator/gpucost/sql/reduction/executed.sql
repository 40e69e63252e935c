-- Executed time per bucket: a part in the first, a part in the last, whole buckets between.
-- Reads: all_spans. Parameters: width.
WITH ran AS (SELECT * FROM all_spans WHERE outcome < 4)
SELECT bucket, service, type, outcome, wanted, CAST(sum(executed) AS BIGINT) AS executed
FROM (
    SELECT
        service, type, outcome, wanted,
        last AS bucket,
        ends - CASE WHEN first = last THEN starts ELSE 0 END AS executed
    FROM ran
    UNION ALL
    SELECT service, type, outcome, wanted, first, attempts * $width - starts FROM ran WHERE last > first
    UNION ALL
    SELECT service, type, outcome, wanted, unnest(generate_series(first + $width, last - $width, $width)), attempts * $width
    FROM ran
    WHERE last > first + $width
)
GROUP BY ALL
HAVING sum(executed) > 0
