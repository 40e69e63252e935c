-- Executed time by first and last bucket of UTC time: how many attempts there are, and the sums of their starts and ends
-- within these buckets. Buckets between are spread at the end, once for all attempts alike.
-- Reads: touching. Parameters: width.
SELECT
    first,
    last,
    service,
    type,
    outcome,
    wanted,
    count(*) AS attempts,
    CAST(sum(part_start - first) AS BIGINT) AS starts,
    CAST(sum(part_end - last) AS BIGINT) AS ends
FROM (
    SELECT
        *,
        part_start - ((part_start % $width) + $width) % $width AS first,
        (part_end - 1) - (((part_end - 1) % $width) + $width) % $width AS last
    FROM touching
    WHERE part_end > part_start AND outcome < 4
)
GROUP BY ALL
