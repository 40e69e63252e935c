-- Copies of all ranges.
-- Reads: all_copies.
SELECT * FROM all_copies
