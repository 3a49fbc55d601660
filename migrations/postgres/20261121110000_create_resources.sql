-- Resources of the business home: companies with their accounts, users and cards, and the spending
-- policy that binds them.
--
-- Ids are bare UUIDs: a table tells which kind they are, and everything here is of the business home.
-- Times are microseconds since 1970 (UTC) in a bigint, as the domain counts them: as narrow as
-- timestamptz, and nothing has to be converted. Texts that are keys are compared byte by byte.

-- How often the policy of each subject (company, user, card; the zero UUID is the program) has changed.
-- Facts carry these numbers, and a lane compares them under its lock: so they are narrow and apart from
-- the rest. They change rarely; what room is left keeps a change on its page.
create table policy_versions (
    version bigint not null constraint policy_versions_version check (version >= 1),
    subject uuid not null constraint policy_versions_pkey primary key
) with (fillfactor = 90);

insert into policy_versions (version, subject) values (1, '00000000-0000-0000-0000-000000000000');

-- version counts changes of the limit. held is the sum of the account's holds, always. Nothing but the
-- key is indexed and half of each page is left free, so that an update stays on its page (HOT) and
-- touches no index.
create table accounts (
    limit_minor bigint not null constraint accounts_limit check (limit_minor >= 0),
    funded bigint not null constraint accounts_funded check (funded >= 0),
    held bigint not null constraint accounts_held check (held >= 0),
    posted bigint not null,
    version bigint not null,
    id uuid not null constraint accounts_pkey primary key,
    currency text collate "C" not null
) with (fillfactor = 50);

create table companies (
    id uuid not null constraint companies_pkey primary key,
    marqeta_token text collate "C" constraint companies_marqeta_token unique,
    name text not null,
    status text not null,
    currency text not null,
    zone text not null,
    account_id uuid not null constraint companies_account references accounts (id),
    version bigint not null,
    created_at bigint not null
);

-- Everyone here is someone's employee: people with wallets are kept in the other home.
create table users (
    id uuid not null constraint users_pkey primary key,
    company_id uuid not null constraint users_company references companies (id),
    marqeta_token text collate "C" constraint users_marqeta_token unique,
    first_name text,
    last_name text,
    email text,
    role text,
    status text not null,
    version bigint not null,
    created_at bigint not null
);

-- The uses of a company's cards are summed when a pool starts.
create index users_by_company on users (company_id);

create table cards (
    id uuid not null constraint cards_pkey primary key,
    user_id uuid not null constraint cards_user references users (id),
    account_id uuid not null constraint cards_account references accounts (id),
    marqeta_token text collate "C" constraint cards_marqeta_token unique,
    last_four text,
    product text,
    expires text,
    status text not null,
    version bigint not null,
    created_at bigint not null
);

-- The same for the cards of a user.
create index cards_by_user on cards (user_id);

-- body is the whole limit as JSON; scope (a subject of policy_versions) and version are what statements
-- look at.
create table spending_limits (
    id uuid not null constraint spending_limits_pkey primary key,
    scope uuid not null,
    scope_kind text not null,
    version bigint not null,
    body jsonb not null
);

create index spending_limits_by_scope on spending_limits (scope);

create table spending_controls (
    id uuid not null constraint spending_controls_pkey primary key,
    scope uuid not null,
    scope_kind text not null,
    body jsonb not null
);

create index spending_controls_by_scope on spending_controls (scope);
