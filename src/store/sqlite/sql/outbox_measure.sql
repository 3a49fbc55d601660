-- Rows leave from the front only, and numbers have no gaps: no need to read the rows. Each end is asked
-- for alone: both in one select would scan the table.
select cast(coalesce(
    (select max(seq) from outbox) - (select min(seq) from outbox) + 1, 0
) as text)
