-- Charged time on nodes that have a name or an id, counted from the period's start.
-- Reads: touching. Parameters: lo.
SELECT place AS node, part_start - $lo AS first, part_end - $lo AS last
FROM touching
WHERE wanted AND outcome < 4 AND part_end > part_start AND place >= 0
