-- Charged time on nodes that have a name or an id, each node on a stretch of its own of one line: ordered by its start, all
-- nodes' union is one running maximum. ``span`` is longer than the period.
-- Reads: touching. Parameters: lo, span.
SELECT CAST(node AS HUGEINT) * $span + (part_start - $lo) AS first, CAST(node AS HUGEINT) * $span + (part_end - $lo) AS last
FROM touching
WHERE wanted AND outcome < 4 AND part_end > part_start AND node >= 0
