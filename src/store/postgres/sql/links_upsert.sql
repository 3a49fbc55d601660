insert into links (link, chain_id)
select link, chain_id from unnest($1::text[], $2::uuid[]) as k (link, chain_id)
on conflict (link) do update set chain_id = excluded.chain_id
