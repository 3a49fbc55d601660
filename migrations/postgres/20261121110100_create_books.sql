-- The books of the business home: what was decided, what it holds, what was posted.
--
-- Everything a lane writes is written in bulk, many rows a statement, so rows are narrow (wide columns
-- first, so that nothing is padded) and indexes few: each one is written to at a random place for every
-- row, and again whole after each checkpoint. What no statement looks at is JSON in one text column
-- (text is stored as it is sent; jsonb would be parsed, rearranged and made wider).
--
-- Nothing is partitioned yet. Ids are time-ordered (UUIDv7), so that authorizations and outbox can be
-- partitioned by ranges of their keys later, one month after another.

-- One row per token, for ever: the answer to every repeat. reason is null where it was approved. Tokens
-- are random, so this key is one of three indexes that a purchase writes to at random.
create table decisions (
    at bigint not null,
    authorization_id uuid not null,
    repeated boolean not null,
    token text collate "C" not null constraint decisions_pkey primary key,
    fingerprint bytea not null,
    reason text,
    code text,
    balances text,
    echo text not null
);

-- The explanation of each decided message. Its key grows at the end only.
create table authorizations (
    at bigint not null,
    held bigint not null,
    amount bigint,
    id uuid not null constraint authorizations_pkey primary key,
    chain_id uuid,
    card_id uuid,
    account_id uuid,
    token text collate "C" not null,
    transaction_token text collate "C",
    operation text,
    currency text,
    reason text,
    code text,
    details text not null
);

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
-- never take it for a cursor, but publish whatever it has not yet marked.
create table outbox (
    at bigint not null,
    id uuid not null constraint outbox_pkey primary key,
    shard smallint not null,
    version smallint not null,
    kind text not null,
    key text not null,
    payload text not null
);
