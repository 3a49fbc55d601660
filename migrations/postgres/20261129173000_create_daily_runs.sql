-- Work that is done once a day, by whichever instance begins it: the day that was begun last, by whom,
-- and until when it is his. A day that is not done may be begun anew after that, and a day that nobody
-- began is made up for by the next one who looks.
create table daily_runs (
    name text not null,
    -- Days since 1970, each from the hour of the work on.
    day bigint not null,
    runner uuid not null,
    claimed_until bigint not null,
    is_done boolean not null,
    -- When a run was done last, of this day or an earlier one.
    done_at bigint,
    constraint daily_runs_pkey primary key (name)
);
