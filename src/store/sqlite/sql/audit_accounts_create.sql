-- What the rows of each account add up to: a part of the snapshot, in a file that goes with it.
create temp table account_sums (
    account_id text not null primary key,
    holds integer not null,
    posted integer not null,
    funded integer not null,
    overdraft_causes integer not null
) without rowid, strict
