-- Charged attempts by what is doubted of their node and by type, the number of nodes, and three of them in the order of bytes.
-- Reads: all_doubted, kinds.
SELECT
    kinds.doubt,
    kinds.type,
    CAST(sum(attempts) AS BIGINT) AS attempts,
    count(DISTINCT kinds.place) FILTER (WHERE kinds.node >= 0) AS nodes,
    coalesce(min(CASE WHEN starts_with(kinds.name, 'name ') THEN substr(kinds.name, 6) ELSE kinds.name END, 3), []) AS names
FROM all_doubted AS a
INNER JOIN kinds ON kinds.node = a.node
GROUP BY kinds.doubt, kinds.type
