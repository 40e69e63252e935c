-- Attempts by where, what and how: those that touch the period, those that ended in it, and the retries among these.
-- ``bucket`` is that in which an attempt is counted; without one (it ended later, or not at all) it is null.
-- Reads: touching. Parameters: lo, width.
SELECT
    CASE WHEN counted_at >= $lo THEN counted_at - ((counted_at % $width) + $width) % $width END AS bucket,
    service,
    type,
    outcome,
    wanted,
    count(*) AS touching,
    count(*) FILTER (WHERE counted_at >= $lo) AS ended,
    count(*) FILTER (WHERE counted_at >= $lo AND retry) AS retries
FROM touching
GROUP BY ALL
