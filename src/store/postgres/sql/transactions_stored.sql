-- A statement of its own: what another transaction has just committed is seen by a new one only.
select id from transactions where id = any ($1::uuid[])
