-- Those who claim look at the jobs that have something to do, in the order in which they are due: few among all there ever
-- were.
DROP INDEX jobs_by_state;
CREATE INDEX jobs_to_run ON jobs (run_at, id) WHERE state = 'queued' OR state = 'running';
