insert into dead_letters (id, died_at, state, queue, reason, fingerprint, searched, envelope, body)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict do nothing
