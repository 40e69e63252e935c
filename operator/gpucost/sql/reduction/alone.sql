-- Charged time of attempts without a node: each task is a node of its own, and its attempts follow each other.
-- Reads: touching.
SELECT type, part_start AS piece_start, part_end AS piece_end
FROM touching
WHERE wanted AND outcome < 4 AND part_end > part_start AND place < 0
