insert or fail into counters (limit_id, member, window_start, amount, count)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 from jsonb_each(?1)
