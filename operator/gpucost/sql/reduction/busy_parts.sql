-- Busy pieces within a part of the period, cut at its ends.
-- Reads: pieces. Parameters: from, until (of the part).
SELECT type, greatest(piece_start, $from) AS start, least(piece_end, $until) AS until
FROM pieces
WHERE piece_start < $until AND piece_end > $from
