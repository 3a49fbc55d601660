-- What the approved authorizations of each chain asked for.
create temp table chain_sums (
    chain_id text not null primary key,
    approved integer not null
) without rowid, strict
