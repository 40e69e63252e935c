-- Charged attempts on nodes whose type is in doubt.
-- Reads: touching.
SELECT node, count(*) AS attempts
FROM touching
WHERE doubt > 0 AND wanted AND outcome < 4
GROUP BY node
