-- Raw ingest: records as programs report them, the log of what was tried with each, and the tables that
-- they end up in. They are for books and reports: no balance is made of them.

-- One row per record, for ever: the answer to every repeat. due is when it may be claimed: at once, when
-- a pause is over, or when the lease of a worker that was not heard of again is. It is null once there is
-- nothing left to be done. forgiven counts attempts before it was last put back by a person.
create table raw_transactions (
    transaction_id text not null primary key,
    id text not null constraint raw_transactions_id unique,
    fingerprint text not null,
    card text not null,
    amount integer not null,
    occurred_at integer not null,
    received_at integer not null,
    state text not null,
    due integer,
    lease text,
    attempts integer not null,
    forgiven integer not null,
    obstacle text,
    record text not null
) strict;

create index raw_transactions_due on raw_transactions (due) where due is not null;

create index raw_transactions_unprocessed on raw_transactions (state, id) where state <> 'processed';

create table processing_logs (
    transaction_id text not null,
    attempt integer not null,
    outcome text not null,
    obstacle text,
    worker text not null,
    at integer not null,
    took_us integer not null,
    primary key (transaction_id, attempt)
) without rowid, strict;

-- A merchant as the network named it. The id is made of the rest, so rows never change.
create table merchants (
    id text not null primary key,
    mid text,
    mcc text,
    name text,
    country text,
    body text not null
) without rowid, strict;

-- transaction_id is the program's. card is what the record named, card_id what that was.
create table transactions (
    id text not null primary key,
    transaction_id text not null constraint transactions_transaction_id unique,
    card text not null,
    card_id text not null,
    user_id text not null,
    company_id text,
    account_id text not null,
    authorization_token text,
    authorization_id text,
    kind text not null,
    amount integer not null constraint transactions_amount check (amount > 0),
    currency text not null,
    occurred_at integer not null,
    received_at integer not null,
    processed_at integer not null,
    merchant_id text constraint transactions_merchant references merchants (id),
    metadata text
) strict;

create index transactions_by_time on transactions (occurred_at, id);

create index transactions_by_card on transactions (card_id, occurred_at, id);

create index transactions_by_user on transactions (user_id, occurred_at, id);

create index transactions_by_company on transactions (company_id, occurred_at, id)
where company_id is not null;
