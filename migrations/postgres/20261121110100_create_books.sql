-- The books of the business home: what was decided, what it holds, what was posted.
--
-- Everything a lane writes is written in bulk, many rows a statement, so rows are narrow (wide columns
-- first, so that nothing is padded) and indexes few: each one is written to at a random place for every
-- row, and again whole after each checkpoint. What no statement looks at is JSON in one text column
-- (text is stored as it is sent; jsonb would be parsed, rearranged and made wider).
--
-- Nothing is partitioned yet. Ids are time-ordered (UUIDv7), so that authorizations and outbox can be
-- partitioned by ranges of their keys later, one month after another.

-- A token as bytes: what the platform gives out are UUIDs in their usual spelling, and those are kept as
-- a zero and sixteen bytes; any other token is kept as its letters, none of which is a zero.
create function token_text(token bytea) returns text language sql immutable strict parallel safe
return case
    when get_byte(token, 0) = 0 then encode(substring(token from 2), 'hex')::uuid::text
    else convert_from(token, 'UTF8')
end;

-- One row per decided message: its decision, which is the answer to every repeat, and the explanation.
-- reason is null where it was approved. What stands for its token has a fingerprint, for ever; a decline
-- that was judged anew later has lost it, and is history only. The primary key grows at the end.
create table authorizations (
    at bigint not null,
    held bigint not null,
    amount bigint,
    id uuid not null constraint authorizations_pkey primary key,
    chain_id uuid,
    card_id uuid,
    account_id uuid,
    repeated boolean not null,
    fingerprint bytea,
    token bytea not null,
    transaction_token bytea,
    operation text,
    currency text,
    reason text,
    code text,
    balances text,
    echo text not null,
    details text not null
);

-- Tokens are random, so this is one of three indexes that a purchase writes to at random.
create unique index authorizations_decided on authorizations (token) where fingerprint is not null;

-- Later messages name earlier ones by the platform's transaction token: the second random index.
create index authorizations_by_transaction on authorizations (transaction_token)
where transaction_token is not null;

-- A chain and its hold. amount is what is held now; details holds totals, closings, merchant, uses. A
-- clearing changes no indexed column, and finds room on its page.
create table holds (
    amount bigint not null constraint holds_amount check (amount >= 0),
    opened_at bigint not null,
    expires_at bigint,
    last_use_at bigint,
    postings integer not null,
    chain_id uuid not null constraint holds_pkey primary key,
    account_id uuid not null,
    card_id uuid not null,
    merged_into uuid,
    currency text not null,
    state text not null,
    details text not null
) with (fillfactor = 80);

-- Counters are started from the uses of a card's chains in the current window: the third random index.
-- Without it a new limit would have to read everything since the window began.
create index holds_by_card on holds (card_id, last_use_at) where last_use_at is not null;

create index holds_by_merged_into on holds (merged_into) where merged_into is not null;

-- Names under which messages wait for others that have not been seen, or follow those that have no
-- authorization of their own: 'f:' and a funding token, 't:' and a transaction token.
create table links (
    chain_id uuid not null,
    link text collate "C" not null constraint links_pkey primary key
);

-- member_id is a card, a user or a company, as member_kind says; a limit has members of one kind only.
create table counters (
    window_start bigint not null,
    amount bigint not null,
    count bigint not null,
    limit_id uuid not null,
    member_id uuid not null,
    member_kind smallint not null constraint counters_member_kind check (member_kind between 0 and 2),
    constraint counters_pkey primary key (limit_id, member_id)
) with (fillfactor = 50);

-- Life-cycle steps that were taken, under the keys of their intents: the answer to every repeat.
create table intents (
    at bigint not null,
    account_id uuid not null,
    key text collate "C" not null constraint intents_pkey primary key,
    fingerprint bytea not null,
    kind text not null,
    movement text not null
);

-- A side is an account, or one of the two that have no balance row: UUIDs ending in 1 (settlement) and
-- in 2 (funding), zero before that.
create table postings (
    amount bigint not null constraint postings_amount check (amount > 0),
    at bigint not null,
    number integer not null,
    source uuid not null,
    debit uuid not null,
    credit uuid not null,
    currency text not null,
    cause text not null,
    constraint postings_pkey primary key (source, number),
    constraint postings_sides check (debit <> credit)
);

-- Events, by an id that is drawn in order of time. That order is not the order of commits: a relay must
-- never take it for a cursor, but publish whatever it has not yet marked. The event of a decision has the
-- id of its authorization, which tells all the rest: its key and payload are null here, and are made up
-- by events.
create table outbox (
    at bigint not null,
    id uuid not null constraint outbox_pkey primary key,
    shard smallint not null,
    version smallint not null,
    kind text not null,
    key text,
    payload text,
    constraint outbox_payload check ((key is null) = (payload is null))
);

-- The outbox as it is to be published. What an approval told stays what it told, though the
-- authorization may have been overturned since.
create view events as
select
    o.id, o.kind, o.version, o.shard, o.at,
    coalesce(
        o.key,
        'acc_b' || replace(a.account_id::text, '-', ''),
        'aut_b' || replace(a.id::text, '-', '')
    ) as key,
    coalesce(o.payload, json_build_object(
        'authorization', 'aut_b' || replace(a.id::text, '-', ''),
        'token', token_text(a.token),
        'operation', a.operation,
        'chain', 'aut_b' || replace(a.chain_id::text, '-', ''),
        'card', 'crd_' || replace(a.card_id::text, '-', ''),
        'account', 'acc_b' || replace(a.account_id::text, '-', ''),
        'amount', case
            when a.amount is not null then json_build_object('amount', a.amount, 'currency', a.currency)
        end,
        'held', a.held,
        'refusal', case
            when o.kind = 'authorization.declined'
            then json_build_object('reason', a.reason, 'code', a.code)
        end
    )::text) as payload
from outbox as o
left join authorizations as a on o.payload is null and a.id = o.id;
