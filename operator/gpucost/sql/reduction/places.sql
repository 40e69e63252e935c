-- Where attempts can start: every combination of service, node and stated node type that a running event has.
-- The engine numbers them, and finds the node type of each by the rules.
-- Reads: events.
SELECT DISTINCT service, node, node_type
FROM events
WHERE class = 1
