-- Counts of all ranges together.
-- Reads: all_counts.
SELECT
    bucket, service, type, outcome, wanted,
    CAST(sum(touching) AS BIGINT) AS touching, CAST(sum(ended) AS BIGINT) AS ended, CAST(sum(retries) AS BIGINT) AS retries
FROM all_counts
GROUP BY ALL
