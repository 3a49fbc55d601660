insert into spending_controls (id, scope, body, company_id)
values (?1, ?2, ?3, case substr(?2, 1, 4)
    when 'cmp_' then ?2
    when 'usr_' then (select company_id from users where id = ?2)
    when 'crd_' then (
        select u.company_id from cards as c join users as u on u.id = c.user_id where c.id = ?2
    )
end)
