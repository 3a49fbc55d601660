insert into spending_controls (id, scope, scope_kind, body, company_id)
values ($1, $2, $3, $4::text::jsonb, case $3
    when 'company' then $2
    when 'user' then (select company_id from users where id = $2)
    when 'card' then (
        select u.company_id from cards as c join users as u on u.id = c.user_id where c.id = $2
    )
end)
