-- Operators look through parked notifications, latest first. Few are parked, so this costs nothing where
-- all goes well.
create index webhook_events_parked on webhook_events (id) where status = 'parked';
