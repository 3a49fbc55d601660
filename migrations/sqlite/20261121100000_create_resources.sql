-- Resources of both homes: companies and their users and cards, people with their wallets and
-- cards, and the spending policy that binds them.

-- How often the policy of each subject (program, company, user, card) has changed. Facts carry these
-- numbers, and a lane compares them under its lock: so they are narrow and apart from the rest.
create table policy_versions (
    subject text not null primary key,
    version integer not null constraint policy_versions_version check (version >= 1)
) without rowid, strict;

insert into policy_versions (subject, version) values ('program', 1);

-- version counts changes of the limit. held is the sum of the account's holds, always.
create table accounts (
    id text not null primary key,
    currency text not null,
    limit_minor integer not null constraint accounts_limit check (limit_minor >= 0),
    funded integer not null constraint accounts_funded check (funded >= 0),
    held integer not null constraint accounts_held check (held >= 0),
    posted integer not null,
    version integer not null
) without rowid, strict;

create table companies (
    id text not null primary key,
    marqeta_token text constraint companies_marqeta_token unique,
    name text not null,
    status text not null,
    currency text not null,
    zone text not null,
    account_id text not null constraint companies_account references accounts (id),
    version integer not null,
    created_at integer not null
) strict;

-- company_id is null for a personal user.
create table users (
    id text not null primary key,
    company_id text constraint users_company references companies (id),
    marqeta_token text constraint users_marqeta_token unique,
    first_name text,
    last_name text,
    email text,
    role text,
    status text not null,
    version integer not null,
    created_at integer not null
) strict;

create index users_by_company on users (company_id) where company_id is not null;

create table cards (
    id text not null primary key,
    user_id text not null constraint cards_user references users (id),
    account_id text not null constraint cards_account references accounts (id),
    marqeta_token text constraint cards_marqeta_token unique,
    last_four text,
    product text,
    expires text,
    status text not null,
    version integer not null,
    created_at integer not null
) strict;

create index cards_by_user on cards (user_id);

create table wallets (
    account_id text not null primary key constraint wallets_account references accounts (id),
    user_id text not null constraint wallets_user references users (id),
    currency text not null,
    zone text not null,
    version integer not null,
    created_at integer not null
) strict;

create index wallets_by_user on wallets (user_id);

-- body is the whole limit as JSON; scope and version are what statements look at.
create table spending_limits (
    id text not null primary key,
    scope text not null,
    version integer not null,
    body text not null
) strict;

create index spending_limits_by_scope on spending_limits (scope);

create table spending_controls (
    id text not null primary key,
    scope text not null,
    body text not null
) strict;

create index spending_controls_by_scope on spending_controls (scope);
