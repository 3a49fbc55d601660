-- Work that is done once a day, by whichever instance begins it: the day that was begun last, by whom,
-- and until when it is his. A day that is not done may be begun anew after that, and a day that nobody
-- began is made up for by the next one who looks.
create table daily_runs (
    name text not null primary key,
    -- Days since 1970, each from the hour of the work on.
    day integer not null,
    runner text not null,
    claimed_until integer not null,
    is_done integer not null,
    -- When a run was done last, of this day or an earlier one.
    done_at integer
) without rowid, strict;
