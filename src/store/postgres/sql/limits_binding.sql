-- All limits that bind any of these subjects.
select body::text from spending_limits where scope = any ($1::uuid[])
