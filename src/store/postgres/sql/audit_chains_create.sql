-- What the approved authorizations of each chain asked for.
create temporary table chain_sums (
    chain_id uuid not null primary key,
    approved bigint not null
) on commit drop
