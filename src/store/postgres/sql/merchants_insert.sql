insert into merchants (id, mid, mcc, name, country, body)
select id, mid, mcc, name, country, body
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    as k (id, mid, mcc, name, country, body)
order by id
on conflict (id) do nothing
