-- Keys of the REST routes. hash is the SHA-256 of the whole key; a null company is the program.
create table api_keys (
    id text not null constraint api_keys_pkey primary key,
    prefix text not null constraint api_keys_prefix unique,
    hash blob not null,
    name text not null,
    scopes text not null,
    company_id text constraint api_keys_company references companies (id),
    created_by text not null,
    created_at integer not null,
    expires_at integer,
    revoked_at integer,
    last_used_at integer
) strict;

create index api_keys_by_company on api_keys (company_id, id) where company_id is not null;

-- Who has done what. Each entry carries the hash of the one before; audit_head names the last one, so that
-- missing entries at the end are noticed too.
create table audit_log (
    number integer not null constraint audit_log_pkey primary key,
    at integer not null,
    who text not null,
    reach text not null,
    what text not null,
    object text,
    request_id text not null,
    previous blob not null,
    hash blob not null
) strict;

create table audit_head (
    one integer not null constraint audit_head_pkey primary key constraint audit_head_one check (one = 1),
    number integer not null,
    hash blob not null
) strict;

insert into audit_head (one, number, hash) values (1, 0, zeroblob(32));

create trigger audit_log_no_update before update on audit_log
begin
    select raise(abort, 'the audit log is only added to');
end;

create trigger audit_log_no_delete before delete on audit_log
begin
    select raise(abort, 'the audit log is only added to');
end;
