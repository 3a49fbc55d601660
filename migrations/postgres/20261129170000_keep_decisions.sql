-- A service's own role (src/store/postgres/rights.rs) may change few columns of a decision. Even so a decline
-- stays one, with its reason, what a token was decided on is forgotten or kept, never replaced, and an answer
-- that was repeated stays repeated: only an approval is ever taken back. (An approval that is taken back is a
-- decline when its balances go. Who may forget what a token was decided on may have it decided anew, which no
-- trigger can tell from a card that has become known.) Decisions are rarely changed, and nothing is called where
-- this is kept to.
--
-- The lock for it waits for writers and for VACUUM, and whoever writes waits behind it. Lanes wait 250 ms for a
-- lock: this gives up sooner, and is tried again.
set local lock_timeout = '100ms';

create function authorizations_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'a decision is not changed, but for an approval that is taken back';
end;
$$;

create trigger authorizations_no_change before update on authorizations
    for each row
    when (
        (old.reason is not null and (new.reason, new.code) is distinct from (old.reason, old.code))
        or (new.fingerprint is not null and new.fingerprint is distinct from old.fingerprint)
        or (old.balances is null and new.balances is not null)
        or (old.repeated and not new.repeated)
    )
    execute function authorizations_refuse();
