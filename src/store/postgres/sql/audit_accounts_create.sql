-- What the rows of each account add up to, summed once: a table that goes with the snapshot.
create temporary table account_sums (
    account_id uuid not null primary key,
    holds bigint not null,
    posted bigint not null,
    funded bigint not null,
    overdraft_causes bigint not null
) on commit drop
