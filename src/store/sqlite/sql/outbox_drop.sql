-- Only from the front, up to the first row that is young enough to stay.
delete from outbox
where seq in (select seq from outbox order by seq limit ?2)
    and seq < coalesce(
        (
            select min(f.seq)
            from (select seq, at from outbox order by seq limit ?2) as f
            where f.at >= ?1
        ),
        9223372036854775807
    )
