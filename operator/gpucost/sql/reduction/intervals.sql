-- Charged time on nodes that have a name or an id, counted from the period's start.
-- Reads: touching. Parameters: lo.
SELECT node, part_start - $lo AS first, part_end - $lo AS last
FROM touching
WHERE wanted AND outcome < 4 AND part_end > part_start AND node >= 0
