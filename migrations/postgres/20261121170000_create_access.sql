-- Keys of the REST routes. hash is the SHA-256 of the whole key; a null company is the program.
create table api_keys (
    id uuid not null constraint api_keys_pkey primary key,
    company_id uuid constraint api_keys_company references companies (id),
    created_at bigint not null,
    expires_at bigint,
    revoked_at bigint,
    last_used_at bigint,
    prefix text collate "C" not null constraint api_keys_prefix unique,
    hash bytea not null,
    name text not null,
    scopes text collate "C" not null,
    created_by text not null
);

create index api_keys_by_company on api_keys (company_id, id) where company_id is not null;

-- Who has done what. Each entry carries the hash of the one before; audit_head names the last one, so that
-- missing entries at the end are noticed too. Its row is locked last in every transaction that adds an entry.
create table audit_log (
    number bigint not null constraint audit_log_pkey primary key,
    at bigint not null,
    who text not null,
    reach text collate "C" not null,
    what text not null,
    object text,
    request_id text not null,
    previous bytea not null,
    hash bytea not null
);

create table audit_head (
    one boolean not null constraint audit_head_pkey primary key constraint audit_head_one check (one),
    number bigint not null,
    hash bytea not null
);

insert into audit_head (one, number, hash) values (true, 0, decode(repeat('00', 32), 'hex'));

create function audit_log_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is only added to';
end;
$$;

create trigger audit_log_no_change before update or delete or truncate on audit_log
    for each statement execute function audit_log_refuse();
