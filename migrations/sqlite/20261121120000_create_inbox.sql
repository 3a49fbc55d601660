-- Messages that came again after their consumer may have died of them. Each attempt is counted here
-- before it begins, because a process that dies can count nothing afterwards. A message that was
-- settled leaves no row.
create table inbox (
    queue text not null,
    message_id text not null,
    -- Attempts begun, the ones before it was first written down among them.
    attempts integer not null,
    -- When the latest one began, in microseconds.
    at integer not null,
    primary key (queue, message_id)
) without rowid, strict;
