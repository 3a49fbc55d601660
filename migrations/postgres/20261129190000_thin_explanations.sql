-- Up to which authorization, in the order of ids, checks and stage times (f and s of details) were taken away that
-- are older than they are kept. Whoever takes them away holds the lock of this row.
--
-- The lock for the trigger: as in keep_decisions.
set local lock_timeout = '100ms';

create table explanations_thinned (
    id smallint not null constraint explanations_thinned_pkey primary key
        constraint explanations_thinned_single check (id = 1),
    up_to uuid not null
);

insert into explanations_thinned (id, up_to) values (1, '00000000-0000-0000-0000-000000000000');

-- A service's own role may change details for this, and does nothing else to them.
create trigger authorizations_keep_details before update of details on authorizations
    for each row
    when (
        case
            when new.details = old.details then false
            else new.details <> (old.details::jsonb - 'f' - 's')::text
        end
    )
    execute function authorizations_refuse();
