-- What nearly every batch writes, in one round trip. No part looks at what another writes, and no row is
-- touched twice. Only accounts and counters may be waited for: the first are locked already, the second
-- come in key order.
with accounts_changed as (
    update accounts as a
    set limit_minor = k.limit_minor, funded = k.funded, held = k.held, posted = k.posted,
        version = k.version
    from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
        as k (id, limit_minor, funded, held, posted, version)
    where a.id = k.id
),
counters_changed as (
    update counters as c
    set window_start = k.window_start, amount = k.amount, count = k.count
    from unnest($7::uuid[], $8::uuid[], $9::bigint[], $10::bigint[], $11::bigint[])
        as k (limit_id, member_id, window_start, amount, count)
    where c.limit_id = k.limit_id and c.member_id = k.member_id
),
counters_started as (
    insert into counters (limit_id, member_id, member_kind, window_start, amount, count)
    select limit_id, member_id, member_kind, window_start, amount, count
    from unnest($12::uuid[], $13::uuid[], $14::smallint[], $15::bigint[], $16::bigint[], $17::bigint[])
        as k (limit_id, member_id, member_kind, window_start, amount, count)
),
holds_opened as (
    insert into holds
        (chain_id, account_id, card_id, currency, amount, state, postings, opened_at, expires_at,
        last_use_at, merged_into, details)
    select
        chain_id, account_id, card_id, currency, amount, state, postings, opened_at, expires_at,
        last_use_at, merged_into, details
    from unnest(
        $18::uuid[], $19::uuid[], $20::uuid[], $21::text[], $22::bigint[], $23::text[],
        $24::integer[], $25::bigint[], $26::bigint[], $27::bigint[], $28::uuid[], $29::text[]
    ) as k (
        chain_id, account_id, card_id, currency, amount, state, postings, opened_at, expires_at,
        last_use_at, merged_into, details
    )
),
authorizations_made as (
    insert into authorizations
        (id, token, fingerprint, transaction_token, chain_id, card_id, account_id, operation, amount,
        currency, held, reason, code, balances, repeated, at, echo, details)
    select
        id, token, fingerprint, transaction_token, chain_id, card_id, account_id, operation, amount,
        currency, held, reason, code, balances, repeated, at, echo, details
    from unnest(
        $30::uuid[], $31::bytea[], $32::bytea[], $33::bytea[], $34::uuid[], $35::uuid[], $36::uuid[],
        $37::text[], $38::bigint[], $39::text[], $40::bigint[], $41::text[], $42::text[],
        $43::text[], $44::boolean[], $45::bigint[], $46::text[], $47::text[]
    ) as k (
        id, token, fingerprint, transaction_token, chain_id, card_id, account_id, operation, amount,
        currency, held, reason, code, balances, repeated, at, echo, details
    )
)
insert into outbox (id, kind, version, key, shard, at, payload)
select id, kind, version, key, shard, at, payload
from unnest(
    $48::uuid[], $49::text[], $50::smallint[], $51::text[], $52::smallint[], $53::bigint[],
    $54::text[]
) as k (id, kind, version, key, shard, at, payload)
