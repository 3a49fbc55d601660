-- Notifications of the card platform, kept raw and encrypted before they are acknowledged. key is what
-- one is kept once under (family, token and, where it changes, state); rows are remembered for longer
-- than the platform repeats itself. next_at: when it may be handed out to a worker; null: it is done.
-- subject: whose state changes; of several the newest counts.
create table webhook_events (
    id text not null primary key,
    key text not null constraint webhook_events_key unique,
    fingerprint text not null,
    family text not null,
    token text,
    kind text,
    subject text,
    event_at integer,
    received_at integer not null,
    status text not null,
    reason text,
    attempts integer not null,
    next_at integer,
    leased_until integer not null,
    key_id text not null,
    body blob not null
) strict;

create index webhook_events_due on webhook_events (next_at) where next_at is not null;

create index webhook_events_by_subject on webhook_events (subject, event_at) where subject is not null;

create index webhook_events_done on webhook_events (received_at) where next_at is null;
