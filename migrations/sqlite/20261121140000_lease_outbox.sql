-- Who relays which shard of the outbox until when: one value, computed by the service. (Shards have no
-- index of their own: every purchase would write to it, and whoever relays reads from the front, where
-- all shards lie side by side.)
create table outbox_leases (
    id integer not null primary key constraint outbox_leases_single check (id = 1),
    body text not null
) strict;
