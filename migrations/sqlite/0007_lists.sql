-- The raw inbox by state, newest first.
CREATE INDEX callbacks_by_state_and_age ON callbacks (state, id);
-- The documents of a folder, newest first.
CREATE INDEX documents_by_folder_and_age ON documents (folder_id, id);
