insert or fail into links (link, chain_id)
select value ->> 0, value ->> 1 from jsonb_each(?1)
where true
on conflict (link) do update set chain_id = excluded.chain_id
