-- One statement, so that limits, controls and versions are of one moment.
select json_object(
    'limits', json((
        select json_group_array(json(body)) from spending_limits
        where scope in (select value from json_each(?1))
    )),
    'controls', json((
        select json_group_array(json(body)) from spending_controls
        where scope in (select value from json_each(?1))
    )),
    'stamps', json((
        select json_group_array(json_object('subject', subject, 'version', version))
        from policy_versions
        where subject in (select value from json_each(?1))
    ))
)
