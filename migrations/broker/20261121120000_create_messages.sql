-- Messages of the embedded broker, in a file of their own (broker.db): one row each, from the publisher's
-- commit to the settlement of its consumer. Nothing else is kept here.

create table messages (
    -- Ties between messages of one millisecond go to the one published first.
    seq integer primary key autoincrement,
    queue text not null,
    -- When its turn comes, in milliseconds: that of its publishing, or later after a failed attempt.
    ready_ms integer not null,
    -- When it is worth nothing any more.
    expires_ms integer,
    -- A consumer has it. Whoever opens the file finds no consumer any more: such a message was
    -- delivered, and its consumer may have died of it.
    held integer not null default 0 check (held in (0, 1)),
    redelivered integer not null default 0 check (redelivered in (0, 1)),
    message_id text not null,
    content_type text not null,
    reply_to text,
    correlation_id text,
    -- A JSON object of texts.
    headers text not null,
    published_ms integer,
    body blob not null
) strict;

create index messages_turn on messages (queue, held, ready_ms, seq);
create index messages_expiry on messages (expires_ms) where expires_ms is not null;
