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
        (id, token, transaction_token, chain_id, card_id, account_id, operation, amount, currency,
        held, reason, code, at, details)
    select
        id, token, transaction_token, chain_id, card_id, account_id, operation, amount, currency,
        held, reason, code, at, details
    from unnest(
        $30::uuid[], $31::text[], $32::text[], $33::uuid[], $34::uuid[], $35::uuid[], $36::text[],
        $37::bigint[], $38::text[], $39::bigint[], $40::text[], $41::text[], $42::bigint[],
        $43::text[]
    ) as k (
        id, token, transaction_token, chain_id, card_id, account_id, operation, amount, currency,
        held, reason, code, at, details
    )
),
decisions_made as (
    insert into decisions
        (token, fingerprint, authorization_id, reason, code, balances, repeated, at, echo)
    select token, fingerprint, authorization_id, reason, code, balances, repeated, at, echo
    from unnest(
        $44::text[], $45::bytea[], $46::uuid[], $47::text[], $48::text[], $49::text[],
        $50::boolean[], $51::bigint[], $52::text[]
    ) as k (token, fingerprint, authorization_id, reason, code, balances, repeated, at, echo)
)
insert into outbox (id, kind, version, key, shard, at, payload)
select id, kind, version, key, shard, at, payload
from unnest(
    $53::uuid[], $54::text[], $55::smallint[], $56::text[], $57::smallint[], $58::bigint[],
    $59::text[]
) as k (id, kind, version, key, shard, at, payload)
