-- Names of chains, and of transactions whose authorizations have chains of their own.
select l.link, l.chain_id
from links as l
where l.link = any ($1::text[])
union all
select 't:' || token_text(a.transaction_token), a.id
from authorizations as a
where a.transaction_token = any ($2::bytea[])
