-- Attempts by first and last bucket of UTC time: how many touch the period, how many ended in it, the retries among
-- these and their whole lengths; and the sums of their starts and ends within these buckets. Buckets between are spread at the end, once for all
-- attempts alike. An attempt that ended in the period counts in its last bucket.
-- Reads: touching. Parameters: width.
SELECT
    first,
    greatest(first, last) AS last,
    service,
    type,
    outcome,
    wanted,
    count(*) AS attempts,
    count(*) FILTER (WHERE counted) AS ended,
    count(*) FILTER (WHERE counted AND retry) AS retries,
    CAST(coalesce(sum(ended - started) FILTER (WHERE counted), 0) AS BIGINT) AS lengths,
    CAST(sum(part_start - first) AS BIGINT) AS starts,
    CAST(sum(part_end - greatest(first, last)) AS BIGINT) AS ends
FROM (
    SELECT
        *,
        part_start - ((part_start % $width) + $width) % $width AS first,
        (part_end - 1) - (((part_end - 1) % $width) + $width) % $width AS last
    FROM touching
)
GROUP BY ALL
