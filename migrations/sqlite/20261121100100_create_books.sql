-- The books of both homes: what was decided, what it holds, what was posted.
--
-- Everything a lane writes is written in bulk, many rows a statement, so rows are narrow and indexes
-- few. What no statement looks at is JSON in one column (details).

-- One row per token, for ever: the answer to every repeat. reason is null where it was approved. Rows
-- lie in order of arrival, so that only the narrow index of tokens is written to at random.
create table decisions (
    token text not null constraint decisions_token unique,
    fingerprint text not null,
    authorization_id text not null,
    reason text,
    code text,
    balances text,
    repeated integer not null,
    at integer not null,
    echo text not null
) strict;

-- The explanation of each decided message. With its rowid too: SQLite moves wide rows of clustered
-- tables to overflow pages.
create table authorizations (
    id text not null primary key,
    token text not null,
    transaction_token text,
    chain_id text,
    card_id text,
    account_id text,
    operation text,
    amount integer,
    currency text,
    held integer not null,
    reason text,
    code text,
    at integer not null,
    details text not null
) strict;

-- Later messages name earlier ones by the platform's transaction token.
create index authorizations_by_transaction on authorizations (transaction_token)
where transaction_token is not null;

-- A chain and its hold. amount is what is held now; details holds totals, closings, merchant, uses.
create table holds (
    chain_id text not null primary key,
    account_id text not null,
    card_id text not null,
    currency text not null,
    amount integer not null constraint holds_amount check (amount >= 0),
    state text not null,
    postings integer not null,
    opened_at integer not null,
    expires_at integer,
    last_use_at integer,
    merged_into text,
    details text not null
) without rowid, strict;

-- Counters are started from the uses of a card's chains in the current window.
create index holds_by_card on holds (card_id, last_use_at) where last_use_at is not null;

create index holds_by_merged_into on holds (merged_into) where merged_into is not null;

-- Names under which messages wait for others that have not been seen, or follow those that have no
-- authorization of their own: 'f:' and a funding token, 't:' and a transaction token.
create table links (
    link text not null primary key,
    chain_id text not null
) without rowid, strict;

create table counters (
    limit_id text not null,
    member text not null,
    window_start integer not null,
    amount integer not null,
    count integer not null,
    primary key (limit_id, member)
) without rowid, strict;

-- Life-cycle steps that were taken, under the keys of their intents: the answer to every repeat.
create table intents (
    key text not null primary key,
    fingerprint text not null,
    kind text not null,
    account_id text not null,
    at integer not null,
    movement text not null
) without rowid, strict;

create table postings (
    source text not null,
    number integer not null,
    debit text not null,
    credit text not null,
    amount integer not null constraint postings_amount check (amount > 0),
    currency text not null,
    cause text not null,
    at integer not null,
    primary key (source, number),
    constraint postings_sides check (debit <> credit)
) without rowid, strict;

-- Events in the order in which they were committed. Numbers are never given twice.
create table outbox (
    seq integer primary key autoincrement,
    id text not null,
    kind text not null,
    version integer not null,
    key text not null,
    shard integer not null,
    at integer not null,
    payload text not null
) strict;
