-- Notifications of the card platform, kept raw and encrypted before they are acknowledged. key is what
-- one is kept once under (family, token and, where it changes, state); rows are remembered for longer
-- than the platform repeats itself. next_at: when it may be handed out to a worker; null: it is done.
-- subject: whose state changes; of several the newest counts.
create table webhook_events (
    received_at bigint not null,
    event_at bigint,
    next_at bigint,
    leased_until bigint not null,
    id uuid not null constraint webhook_events_pkey primary key,
    attempts integer not null,
    status text not null,
    key text collate "C" not null constraint webhook_events_key unique,
    fingerprint bytea not null,
    family text not null,
    token text collate "C",
    kind text,
    subject text collate "C",
    reason text,
    key_id text not null,
    body bytea not null
);

create index webhook_events_due on webhook_events (next_at) where next_at is not null;

create index webhook_events_by_subject on webhook_events (subject, event_at) where subject is not null;

create index webhook_events_done on webhook_events (received_at) where next_at is null;
