-- The last of the next lot in the order of arrival, up to the first decision that is young enough to stay.
select cast(max(place) as text)
from (
    select place, min(at < ?1) over (order by place) as is_old
    from (
        select rowid as place, at
        from authorizations
        where rowid > (select up_to from explanations_thinned)
        order by rowid
        limit ?2
    )
)
where is_old
