-- A service's own role (src/store/postgres/rights.rs) may change few columns of a decision. Even so a decline
-- stays one, and what a token was decided on is forgotten or kept, never replaced: only an approval is ever
-- taken back. Decisions are rarely changed, and nothing is called where this is kept to. Soon or not at all:
-- purchases would wait behind a lock that waits for a long reader.
set local lock_timeout = '3s';

create function authorizations_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'a decision is not changed, but for an approval that is taken back';
end;
$$;

create trigger authorizations_no_change before update on authorizations
    for each row
    when (
        (old.reason is not null and new.reason is null)
        or (new.fingerprint is not null and new.fingerprint is distinct from old.fingerprint)
    )
    execute function authorizations_refuse();
