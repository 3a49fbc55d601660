-- Transactions as programs report them, processed: for books and reports. No balance is made of them.
-- What has been accepted and not processed yet is kept in the other store.
--
-- Cards of both homes are here, so nothing refers to cards, users or companies: personal is whether the
-- account (and the authorization) are of the personal home.

-- A merchant as the network named it. The id is made of the rest, so rows never change.
create table merchants (
    id uuid not null constraint merchants_pkey primary key,
    mid text,
    mcc text,
    name text,
    country text,
    body text not null
);

-- transaction_id is the program's. card is what the record named, card_id what that was.
create table transactions (
    amount bigint not null constraint transactions_amount check (amount > 0),
    occurred_at bigint not null,
    received_at bigint not null,
    processed_at bigint not null,
    id uuid not null constraint transactions_pkey primary key,
    card_id uuid not null,
    user_id uuid not null,
    company_id uuid,
    account_id uuid not null,
    authorization_id uuid,
    merchant_id uuid constraint transactions_merchant references merchants (id),
    personal boolean not null,
    transaction_id text collate "C" not null constraint transactions_transaction_id unique,
    card text collate "C" not null,
    authorization_token text collate "C",
    kind text not null,
    currency text not null,
    metadata text
);

create index transactions_by_time on transactions (occurred_at, id);

create index transactions_by_card on transactions (card_id, occurred_at, id);

create index transactions_by_user on transactions (user_id, occurred_at, id);

create index transactions_by_company on transactions (company_id, occurred_at, id)
where company_id is not null;
