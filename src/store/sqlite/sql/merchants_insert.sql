insert into merchants (id, mid, name, mcc, country, body)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
    cast(substr(?2, value ->> 5, value ->> 6) as text)
from jsonb_each(?1)
where true
on conflict (id) do nothing
