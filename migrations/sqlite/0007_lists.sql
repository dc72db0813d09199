-- The raw inbox by state, newest first.
CREATE INDEX callbacks_by_state_and_age ON callbacks (state, id);
