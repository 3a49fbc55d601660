-- What people on their own have submitted to be allowed to spend more, and what was decided. documents
-- are the program's references: what the documents say is not kept here.
create table kyc_records (
    id text not null primary key,
    user_id text not null constraint kyc_records_user references users (id),
    tier text not null,
    documents text not null,
    status text not null,
    reason text,
    version integer not null,
    created_at integer not null,
    decided_at integer
) strict;

-- One waits at a time.
create unique index kyc_records_open on kyc_records (user_id) where status = 'submitted';

create index kyc_records_by_user on kyc_records (user_id, id);

create index kyc_records_by_status on kyc_records (status, id);
