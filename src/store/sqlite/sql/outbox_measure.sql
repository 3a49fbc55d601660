-- Rows leave from the front only, and numbers have no gaps: no need to read the rows.
select cast(coalesce(max(seq) - min(seq) + 1, 0) as text) from outbox
