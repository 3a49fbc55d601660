select cast(at as text) from outbox order by seq limit 1
