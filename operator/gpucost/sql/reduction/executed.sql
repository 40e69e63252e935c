-- Executed time per bucket of UTC time. Attempts are gathered by their first and last bucket, then these are spread: a part
-- in the first, a part in the last, whole buckets between.
-- Reads: attempts. Parameters: width.
WITH spans AS (
    SELECT
        part_start - ((part_start % $width) + $width) % $width AS first,
        (part_end - 1) - (((part_end - 1) % $width) + $width) % $width AS last,
        service,
        type,
        outcome,
        wanted,
        count(*) AS attempts,
        sum(part_start)::HUGEINT AS starts,
        sum(part_end)::HUGEINT AS ends
    FROM attempts
    WHERE part_end > part_start AND outcome < 4
    GROUP BY ALL
)
SELECT
    bucket,
    service,
    type,
    outcome,
    wanted,
    sum(
        CASE WHEN bucket = last THEN ends ELSE attempts::HUGEINT * (bucket + $width) END
        - CASE WHEN bucket = first THEN starts ELSE attempts::HUGEINT * bucket END
    )::BIGINT AS executed
FROM (SELECT *, unnest(generate_series(first, last, $width)) AS bucket FROM spans)
GROUP BY ALL
