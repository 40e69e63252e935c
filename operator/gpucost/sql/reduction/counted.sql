-- Counts of attempts by the bucket in which they count, where they ended in the period.
-- Reads: all_spans.
SELECT
    last AS bucket, service, type, outcome, wanted,
    CAST(sum(attempts) AS BIGINT) AS touching, CAST(sum(ended) AS BIGINT) AS ended, CAST(sum(retries) AS BIGINT) AS retries,
    CAST(sum(lengths) AS BIGINT) AS lengths
FROM all_spans
GROUP BY ALL
