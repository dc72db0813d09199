-- The whole schema. Words as in docs/architecture.md; one section per noun.
-- Ids are UUIDv7 as text. Instants are microseconds UTC. JSON is text. Both engines have the same tables, columns and
-- indexes (tests/it/suite_schema.rs); only triggers differ. Texts are ordered by their bytes (COLLATE "C")
-- on every server, as SQLite and the program order them.

-- User ---------------------------------------------------------------------------------------------------------------

CREATE TABLE users (
  id            TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  username      TEXT COLLATE "C" NOT NULL UNIQUE,
  -- the username without differences of case and width: names that look alike are taken
  username_folded TEXT COLLATE "C" NOT NULL UNIQUE,
  display_name  TEXT COLLATE "C" NOT NULL,
  password_hash TEXT COLLATE "C" NOT NULL,
  -- a JSON list
  roles         TEXT COLLATE "C" NOT NULL,
  employee_no   TEXT COLLATE "C",
  mobile        TEXT COLLATE "C",
  -- a username
  manager       TEXT COLLATE "C",
  disabled      BOOLEAN NOT NULL DEFAULT FALSE,
  -- the user must choose a new password first
  must_change   BOOLEAN NOT NULL DEFAULT FALSE,
  -- a login needs a one-time code
  totp          BOOLEAN NOT NULL DEFAULT FALSE,
  totp_seed     TEXT COLLATE "C",
  -- the seed of a set-up that no code has confirmed yet
  totp_pending  TEXT COLLATE "C",
  -- the last step whose code was used
  totp_step     BIGINT NOT NULL DEFAULT 0,
  created_at    BIGINT NOT NULL
);
-- The vendor names a person by mobile number or employee number, so each number belongs to one user. A disabled user
-- gives the numbers up.
CREATE UNIQUE INDEX users_by_mobile ON users (mobile) WHERE NOT disabled;
CREATE UNIQUE INDEX users_by_number ON users (employee_no) WHERE NOT disabled;

-- Sessions and tokens are stored as hashes, so a reader of the database cannot log in with them.
CREATE TABLE sessions (
  id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  secret_hash TEXT COLLATE "C" NOT NULL UNIQUE,
  user_id     TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  address     TEXT COLLATE "C" NOT NULL,
  -- the name that the browser gives itself
  agent       TEXT COLLATE "C" NOT NULL,
  created_at  BIGINT NOT NULL,
  active_at   BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE tokens (
  id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  secret_hash TEXT COLLATE "C" NOT NULL UNIQUE,
  user_id     TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  name        TEXT COLLATE "C" NOT NULL,
  scope       TEXT COLLATE "C" NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  used_at     BIGINT
);
CREATE INDEX tokens_by_user ON tokens (user_id);

-- Requests with an `Idempotency-Key`, with their answers, for 24 hours.
CREATE TABLE keyed_requests (
  username   TEXT COLLATE "C" NOT NULL,
  -- method and path
  request    TEXT COLLATE "C" NOT NULL,
  key        TEXT COLLATE "C" NOT NULL,
  -- the hash of the body; another body under the same key is refused
  body_hash  TEXT COLLATE "C" NOT NULL,
  -- the run that holds the key; another run takes a key over whose run has died
  run        TEXT COLLATE "C" NOT NULL,
  -- until then the run holds the key; it renews this while it works
  run_until  BIGINT NOT NULL,
  -- the flow of the act that the run has committed, written in the transaction of that act
  flow_id    TEXT COLLATE "C",
  -- the answer: NULL while the run works
  status     BIGINT,
  body       TEXT COLLATE "C",
  created_at BIGINT NOT NULL,
  PRIMARY KEY (username, request, key)
);
CREATE UNIQUE INDEX keyed_requests_by_run ON keyed_requests (run);
CREATE INDEX keyed_requests_by_age ON keyed_requests (created_at);

-- Service ------------------------------------------------------------------------------------------------------------

CREATE TABLE services (
  id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  base_url   TEXT COLLATE "C" NOT NULL,
  app_token  TEXT COLLATE "C" NOT NULL,
  app_secret TEXT COLLATE "C" NOT NULL,
  sign_mode  TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);

-- Definition ---------------------------------------------------------------------------------------------------------

CREATE TABLE definitions (
  id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  version    BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE definition_versions (
  definition_id TEXT COLLATE "C" NOT NULL REFERENCES definitions (id),
  version       BIGINT NOT NULL,
  body          TEXT COLLATE "C" NOT NULL,
  created_at    BIGINT NOT NULL,
  created_by    TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (definition_id, version)
);

-- The folders that a version was bound to when it was saved. A rename or a move changes what the definition shows, never
-- the folder. Personal folders are bound by their path.
CREATE TABLE definition_folders (
  definition_id TEXT COLLATE "C" NOT NULL,
  version       BIGINT NOT NULL,
  -- photos, stamped (stamped files) or files (other form files)
  purpose       TEXT COLLATE "C" NOT NULL,
  folder_id     TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (definition_id, version, purpose),
  FOREIGN KEY (definition_id, version) REFERENCES definition_versions (definition_id, version)
);
CREATE INDEX definition_folders_by_folder ON definition_folders (folder_id);

-- Flow ---------------------------------------------------------------------------------------------------------------

-- The last number of each day.
CREATE TABLE serial_numbers (
  day  TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  last BIGINT NOT NULL
);

CREATE TABLE flows (
  id               TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  -- lists are in the order of these keys: the id, or a new key when a draft is submitted
  list_key         TEXT COLLATE "C" NOT NULL UNIQUE,
  -- '' while the flow is a draft
  serial_no        TEXT COLLATE "C" NOT NULL,
  definition_id    TEXT COLLATE "C" NOT NULL,
  version          BIGINT NOT NULL,
  title            TEXT COLLATE "C" NOT NULL,
  starter          TEXT COLLATE "C" NOT NULL,
  state            TEXT COLLATE "C" NOT NULL,
  node             TEXT COLLATE "C",
  -- each return begins another round of approvals
  round            BIGINT NOT NULL DEFAULT 1,
  -- a person returned the flow to a seal node whose use is complete, so a person must leave that node
  by_hand          BOOLEAN NOT NULL DEFAULT FALSE,
  form             TEXT COLLATE "C" NOT NULL,
  -- the last running number of a photo, and the last manifest
  photo_no         BIGINT NOT NULL DEFAULT 0,
  manifest_no      BIGINT NOT NULL DEFAULT 0,
  -- photos that an administrator accepted as missing: {by, at, reason, missing} as JSON
  missing_accepted TEXT COLLATE "C",
  created_at       BIGINT NOT NULL,
  updated_at       BIGINT NOT NULL,
  archived_at      BIGINT,
  FOREIGN KEY (definition_id, version) REFERENCES definition_versions (definition_id, version)
);
CREATE UNIQUE INDEX flows_by_serial_no ON flows (serial_no) WHERE serial_no <> '';
-- Drafts that their starters left.
CREATE INDEX flows_in_draft ON flows (updated_at) WHERE state = 'draft';
CREATE INDEX flows_by_definition ON flows (definition_id, list_key);
CREATE INDEX flows_by_state ON flows (state, list_key);
CREATE INDEX flows_by_definition_and_state ON flows (definition_id, state, list_key);

CREATE TABLE flow_events (
  id      TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  flow_id TEXT COLLATE "C" NOT NULL REFERENCES flows (id),
  at      BIGINT NOT NULL,
  actor   TEXT COLLATE "C" NOT NULL,
  act     TEXT COLLATE "C" NOT NULL,
  node    TEXT COLLATE "C",
  -- the node that the flow was returned to, or the user that a turn was transferred to
  target  TEXT COLLATE "C",
  detail  TEXT COLLATE "C"
);
CREATE INDEX flow_events_by_flow ON flow_events (flow_id, id);

CREATE TABLE approvals (
  flow_id  TEXT COLLATE "C" NOT NULL REFERENCES flows (id),
  round    BIGINT NOT NULL,
  node     TEXT COLLATE "C" NOT NULL,
  username TEXT COLLATE "C" NOT NULL,
  at       BIGINT NOT NULL,
  comment  TEXT COLLATE "C",
  PRIMARY KEY (flow_id, round, node, username)
);

-- One row per person or role that a flow names. Lists of flows read these rows alone, so the rows repeat the columns of
-- the flow that lists filter by.
CREATE TABLE flow_people (
  flow_id       TEXT COLLATE "C" NOT NULL REFERENCES flows (id),
  list_key      TEXT COLLATE "C" NOT NULL,
  -- user:<username> or role:<role>
  who           TEXT COLLATE "C" NOT NULL,
  state         TEXT COLLATE "C" NOT NULL,
  definition_id TEXT COLLATE "C" NOT NULL,
  started       BOOLEAN NOT NULL DEFAULT FALSE,
  acted         BOOLEAN NOT NULL DEFAULT FALSE,
  -- the flow waits for this person or role now
  turn          BOOLEAN NOT NULL DEFAULT FALSE,
  -- the place in the order of the current node
  place         BIGINT,
  -- the person has an open grant
  stamps        BOOLEAN NOT NULL DEFAULT FALSE,
  -- only in the row of role:admin: the flow waits only for people who are gone, so the administrators have it
  gone          BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY (flow_id, who)
);
-- Each list walks one index per name of the user, newest flow first. The trailing columns answer a filter from the
-- index, without the row.
CREATE INDEX flow_people_by_who ON flow_people (who, list_key, flow_id);
CREATE INDEX flow_people_by_state ON flow_people (who, state, list_key, flow_id, started, acted, turn, stamps, gone, definition_id);
CREATE INDEX flow_people_by_definition ON flow_people (who, definition_id, list_key, flow_id, started, acted, turn, stamps, gone, state);
CREATE INDEX flow_people_todo ON flow_people (who, list_key, flow_id) WHERE (turn OR stamps OR gone);
-- Few flows wait only for people who are gone.
CREATE INDEX flow_people_gone ON flow_people (flow_id) WHERE gone;
CREATE INDEX flow_people_acted ON flow_people (who, list_key, flow_id) WHERE acted;
CREATE INDEX flow_people_started ON flow_people (who, list_key, flow_id) WHERE started;

-- These rows follow the state of their flow. An archived or withdrawn flow waits for no person. The places in an archived
-- flow stay: these people may still add the stamped file.
CREATE FUNCTION flow_people_follow() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  UPDATE flow_people SET
    state = NEW.state,
    turn = CASE WHEN NEW.state IN ('archived', 'withdrawn') THEN FALSE ELSE turn END,
    place = CASE WHEN NEW.state = 'withdrawn' THEN NULL ELSE place END,
    stamps = CASE WHEN NEW.state IN ('archived', 'withdrawn') THEN FALSE ELSE stamps END,
    gone = CASE WHEN NEW.state IN ('archived', 'withdrawn') THEN FALSE ELSE gone END
  WHERE flow_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER flow_people_follow AFTER UPDATE OF state ON flows
FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION flow_people_follow();

-- Seal use -----------------------------------------------------------------------------------------------------------

CREATE TABLE seal_uses (
  id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  flow_id      TEXT COLLATE "C" NOT NULL REFERENCES flows (id),
  service_id   TEXT COLLATE "C" NOT NULL REFERENCES services (id),
  no           BIGINT NOT NULL,
  -- sent as serialNo; the vendor's detail repeats it
  serial_no    TEXT COLLATE "C" NOT NULL UNIQUE,
  business_id  TEXT COLLATE "C",
  status       TEXT COLLATE "C" NOT NULL,
  application  TEXT COLLATE "C" NOT NULL,
  -- set before the application is sent; without an answer after it, the result is unknown
  asked_at     BIGINT,
  -- a mark of the secret in the callback address that was given to the vendor, made with the key for stored secrets;
  -- NULL without a secret
  callback_key TEXT COLLATE "C",
  -- the vendor's last detail, unchanged
  detail       TEXT COLLATE "C",
  detail_at    BIGINT,
  -- the last change that this service made at the vendor; a detail requested before it is out of date
  changed_at   BIGINT,
  -- a user asked for the end of this seal use at the vendor
  end_asked_at BIGINT,
  end_reason   TEXT COLLATE "C",
  end_by       TEXT COLLATE "C",
  ended_at     BIGINT,
  -- the flow was returned, which ended this seal use; another one replaces it
  superseded   BOOLEAN NOT NULL DEFAULT FALSE,
  error        TEXT COLLATE "C",
  created_at   BIGINT NOT NULL,
  UNIQUE (flow_id, no)
);
CREATE UNIQUE INDEX seal_uses_by_business ON seal_uses (business_id, service_id);
-- Few applications fail.
CREATE INDEX seal_uses_in_trouble ON seal_uses (flow_id) WHERE (status = 'failed' OR status = 'unknown');

CREATE TABLE grants (
  id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  seal_use_id  TEXT COLLATE "C" NOT NULL REFERENCES seal_uses (id),
  vendor_id    TEXT COLLATE "C" NOT NULL,
  position     BIGINT NOT NULL,
  seal         TEXT COLLATE "C" NOT NULL,
  device_no    TEXT COLLATE "C",
  owner        TEXT COLLATE "C",
  -- the person as the vendor names them
  user_name    TEXT COLLATE "C" NOT NULL,
  contact      TEXT COLLATE "C",
  number       TEXT COLLATE "C",
  -- the user for whom the grant was asked, or whose number or mobile it was when it was first seen; never changed
  username     TEXT COLLATE "C",
  employee_no  TEXT COLLATE "C",
  applied      BIGINT NOT NULL,
  -- uses that were appended through this service
  appended     BIGINT NOT NULL DEFAULT 0,
  -- uses that were appended through this service at other boxes of the seal use
  appended_elsewhere BIGINT NOT NULL DEFAULT 0,
  -- the sum of all appends that the vendor lists for the seal use; the list names no box
  append_logs  BIGINT NOT NULL DEFAULT 0,
  used         BIGINT NOT NULL,
  left_count   BIGINT NOT NULL,
  code         TEXT COLLATE "C",
  -- the time in which the seal may be used
  window_start BIGINT,
  window_end   BIGINT,
  complete     BOOLEAN NOT NULL,
  UNIQUE (seal_use_id, vendor_id)
);
CREATE INDEX grants_by_user ON grants (username);
-- Is an authorisation that a vendor names a grant here?
CREATE INDEX grants_by_vendor_id ON grants (vendor_id);

-- Documents that the vendor must have before the application, with the ids that the vendor gave them.
CREATE TABLE sent_documents (
  seal_use_id TEXT COLLATE "C" NOT NULL REFERENCES seal_uses (id),
  document_id TEXT COLLATE "C" NOT NULL,
  -- NULL: being sent, or the answer was lost; written before the first byte
  vendor_id   TEXT COLLATE "C",
  sent_at     BIGINT NOT NULL,
  PRIMARY KEY (seal_use_id, document_id)
);
CREATE INDEX sent_documents_by_document ON sent_documents (document_id);

-- Original -----------------------------------------------------------------------------------------------------------

CREATE TABLE originals (
  hash        TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  sha256      TEXT COLLATE "C" NOT NULL,
  -- computed at archiving
  sm3         TEXT COLLATE "C",
  crc32       BIGINT NOT NULL,
  bytes       BIGINT NOT NULL,
  mime        TEXT COLLATE "C" NOT NULL,
  ext         TEXT COLLATE "C" NOT NULL,
  width       BIGINT,
  height      BIGINT,
  -- false: the bytes end before the picture does
  complete    BOOLEAN NOT NULL,
  store_key   TEXT COLLATE "C" NOT NULL,
  -- why there are no thumbnails; NULL if they exist
  undecodable TEXT COLLATE "C",
  created_at  BIGINT NOT NULL,
  -- when the bytes were read back last, or tried; before that, when they came
  checked_at  BIGINT NOT NULL
);
CREATE INDEX originals_by_check ON originals (checked_at, hash);

-- Contents of documents that were removed for good. If nothing names them after a day, their bytes and rows go.
CREATE TABLE parted_originals (
  hash  TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  since BIGINT NOT NULL,
  -- true: the bytes are being deleted, and the content is not known any more
  going BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX parted_originals_by_age ON parted_originals (since);

-- A search takes any of the three hashes.
CREATE INDEX originals_by_sha256 ON originals (sha256);
CREATE INDEX originals_by_sm3 ON originals (sm3) WHERE sm3 IS NOT NULL;

-- Photo --------------------------------------------------------------------------------------------------------------

CREATE TABLE photos (
  id              TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  seal_use_id     TEXT COLLATE "C" NOT NULL REFERENCES seal_uses (id),
  photokey        TEXT COLLATE "C",
  kind            TEXT COLLATE "C" NOT NULL,
  grant_id        TEXT COLLATE "C" REFERENCES grants (id),
  -- key, push, zip or supply
  source          TEXT COLLATE "C" NOT NULL,
  -- true: a detail of the vendor listed this key. Only such keys are fetched.
  listed          BOOLEAN NOT NULL DEFAULT FALSE,
  -- when a detail listed it first
  listed_at       BIGINT,
  -- confirmed, unconfirmed, accepted or supplied; an unconfirmed photo is in no count
  confirmation    TEXT COLLATE "C" NOT NULL,
  -- an administrator accepted the photo: {by, at, reason} as JSON
  acceptance      TEXT COLLATE "C",
  -- of a photo that a user supplied: by whom and when
  supplied_by     TEXT COLLATE "C",
  supplied_at     BIGINT,
  -- true: a user accepted that the photo is lost
  loss_accepted   BOOLEAN NOT NULL DEFAULT FALSE,
  position        BIGINT NOT NULL,
  state           TEXT COLLATE "C" NOT NULL,
  attempts        BIGINT NOT NULL DEFAULT 0,
  passes          BIGINT NOT NULL DEFAULT 0,
  next_attempt_at BIGINT,
  error_code      TEXT COLLATE "C",
  error_detail    TEXT COLLATE "C",
  -- The document of the photo refers to the original. A reference here had to walk all photos for each content that goes.
  original_hash   TEXT COLLATE "C",
  no              BIGINT,
  vendor_at       BIGINT,
  exif_at         BIGINT,
  received_at     BIGINT,
  clock_doubt     BOOLEAN NOT NULL DEFAULT FALSE,
  created_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX photos_by_key ON photos (seal_use_id, photokey);
CREATE INDEX photos_by_state ON photos (seal_use_id, state, position);
-- The seal use comes first, so the index grows at its newest entries. With the hash first, each photo wrote a page of
-- its own once there were many.
CREATE INDEX photos_by_original ON photos (seal_use_id, original_hash);
CREATE INDEX photos_by_grant ON photos (grant_id, kind, original_hash);
-- Photos that are not stored yet are few.
CREATE INDEX photos_without_content ON photos (grant_id) WHERE original_hash IS NULL;
CREATE INDEX photos_parked ON photos (seal_use_id) WHERE (state = 'failed');

-- Folder -------------------------------------------------------------------------------------------------------------

CREATE TABLE folders (
  id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  -- '' for the folders at the top of a space
  parent     TEXT COLLATE "C" NOT NULL,
  space      TEXT COLLATE "C" NOT NULL,
  -- the user's id in the personal space, otherwise ''
  owner      TEXT COLLATE "C" NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  -- the ids from the top folder down to this one, each with a '/' behind it: a range of it is a folder with all below
  lineage    TEXT COLLATE "C" NOT NULL,
  -- folders with one shelf have the same rights: public, system, the owner's id, or the id of the folder above or here
  -- that has entries of its own
  shelf      TEXT COLLATE "C" NOT NULL,
  -- false: the rights of the folder above end here
  inherits   BOOLEAN NOT NULL DEFAULT TRUE,
  -- the folder with which this one went to the trash; NULL: it is not in the trash
  trash_id   TEXT COLLATE "C",
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX folders_by_name ON folders (space, owner, parent, name) WHERE trash_id IS NULL;
CREATE INDEX folders_by_parent ON folders (parent);
CREATE INDEX folders_by_lineage ON folders (lineage);
CREATE INDEX folders_by_shelf ON folders (shelf);
CREATE INDEX folders_by_trash ON folders (trash_id) WHERE trash_id IS NOT NULL;

-- One row. Each change of the tree or of rights adds one to it first, so such changes take turns.
CREATE TABLE folder_tree (
  id      BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
  version BIGINT NOT NULL
);
INSERT INTO folder_tree (id, version) VALUES (1, 0);

-- The entries of a folder. `rights` is a sum: view 1, download 2, manage 4, faces 8.
CREATE TABLE folder_rights (
  folder_id TEXT COLLATE "C" NOT NULL REFERENCES folders (id),
  -- everyone, role:<role> or user:<username>
  who       TEXT COLLATE "C" NOT NULL,
  rights    BIGINT NOT NULL,
  PRIMARY KEY (folder_id, who)
);

-- What the entries of a shelf give, with all that it inherits. The rights of a list are read here alone.
CREATE TABLE shelf_rights (
  shelf  TEXT COLLATE "C" NOT NULL,
  who    TEXT COLLATE "C" NOT NULL,
  rights BIGINT NOT NULL,
  PRIMARY KEY (shelf, who)
);
CREATE INDEX shelf_rights_by_who ON shelf_rights (who, shelf, rights);
-- The defaults of the two common spaces. The owner of a personal space manages it; that needs no row.
INSERT INTO shelf_rights (shelf, who, rights) VALUES ('public', 'everyone', 3), ('public', 'role:archivist', 7), ('system', 'role:archivist', 7);

-- What is in the trash, one row for a document or a folder with all in it; and the tombstones of what was removed for
-- good.
CREATE TABLE trash (
  -- the id of the document or folder
  id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  -- document or folder
  kind       TEXT COLLATE "C" NOT NULL,
  -- the folder that it came from, '' at the top of a space; its rights decide who sees the row
  place      TEXT COLLATE "C" NOT NULL,
  space      TEXT COLLATE "C" NOT NULL,
  owner      TEXT COLLATE "C" NOT NULL,
  -- flow or draft, if only the flow showed the document; rights, if the rights of its place did not show what a tombstone
  -- names. Then only who removed it sees it here, and an administrator if it was no draft
  hidden     TEXT COLLATE "C",
  name       TEXT COLLATE "C" NOT NULL,
  bytes      BIGINT NOT NULL,
  documents  BIGINT NOT NULL,
  -- of a folder: those of them that only the right to faces shows
  faces      BIGINT NOT NULL DEFAULT 0,
  face_bytes BIGINT NOT NULL DEFAULT 0,
  -- the act that brought it here
  batch      TEXT COLLATE "C" NOT NULL,
  deleted_at BIGINT NOT NULL,
  deleted_by TEXT COLLATE "C" NOT NULL,
  -- JSON, once it is removed for good
  tombstone  TEXT COLLATE "C"
);
CREATE INDEX trash_by_age ON trash (deleted_at, id);
CREATE INDEX trash_by_batch ON trash (batch);
CREATE INDEX trash_to_empty ON trash (deleted_at) WHERE tombstone IS NULL;

-- The number and bytes of the documents in a folder; those that only the right to faces shows (`faces`): faces and
-- photos of an unknown kind; and those that only their flow shows (`hidden`). Files of drafts are in no number.
-- Triggers on documents keep these rows. A folder has several rows, so that transactions of different flows do not wait
-- for the same row.
CREATE TABLE folder_totals (
  folder_id TEXT COLLATE "C" NOT NULL REFERENCES folders (id),
  -- the last two characters of the flow's id; '' without a flow
  part      TEXT COLLATE "C" NOT NULL,
  documents BIGINT NOT NULL,
  bytes     BIGINT NOT NULL,
  faces     BIGINT NOT NULL,
  face_bytes   BIGINT NOT NULL,
  hidden       BIGINT NOT NULL,
  hidden_bytes BIGINT NOT NULL,
  PRIMARY KEY (folder_id, part)
);

-- The same numbers by the days of the two times, so that the days of a large tree need no walk over its documents. Days are
-- those of China, from a day long ago on.
CREATE TABLE folder_days (
  folder_id TEXT COLLATE "C" NOT NULL REFERENCES folders (id),
  received  BIGINT NOT NULL,
  taken     BIGINT NOT NULL,
  part      TEXT COLLATE "C" NOT NULL,
  documents BIGINT NOT NULL,
  faces     BIGINT NOT NULL,
  hidden    BIGINT NOT NULL,
  PRIMARY KEY (folder_id, received, taken, part)
);

-- Document -----------------------------------------------------------------------------------------------------------

CREATE TABLE documents (
  id            TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  folder_id     TEXT COLLATE "C" NOT NULL REFERENCES folders (id),
  -- decides which users see the document: folder: those who see its folder; flow: its flow alone shows it until the
  -- archive; draft: only the starter sees it
  shelf         TEXT COLLATE "C" NOT NULL,
  name          TEXT COLLATE "C" NOT NULL,
  -- for searches: the folded name and those of earlier names, one a line; null if that is the name in lower case
  folded_names  TEXT COLLATE "C",
  original_hash TEXT COLLATE "C" NOT NULL REFERENCES originals (hash),
  source        TEXT COLLATE "C" NOT NULL,
  flow_id       TEXT COLLATE "C" REFERENCES flows (id),
  field_key     TEXT COLLATE "C",
  position      BIGINT,
  photo_id      TEXT COLLATE "C" REFERENCES photos (id),
  -- of a copy: the photo that it shows; its kind follows that photo
  copied_photo_id TEXT COLLATE "C",
  -- a search reads one index of this table, so the row repeats these columns of its photo and grant
  kind          TEXT COLLATE "C",
  seal          TEXT COLLATE "C",
  user_name     TEXT COLLATE "C",
  username      TEXT COLLATE "C",
  received_at   BIGINT NOT NULL,
  -- the keys of the sorts, made by the program: the name (2 before 10), the time of taking, and the size
  name_key      TEXT COLLATE "C" NOT NULL,
  taken_key     BIGINT NOT NULL,
  bytes         BIGINT NOT NULL,
  created_by    TEXT COLLATE "C" NOT NULL,
  created_at    BIGINT NOT NULL,
  -- trash: no list shows the document; the bytes stay
  deleted_at    BIGINT,
  deleted_by    TEXT COLLATE "C"
);
CREATE INDEX documents_by_flow ON documents (flow_id, field_key, position);
CREATE INDEX documents_by_folder ON documents (folder_id);
CREATE INDEX documents_by_original ON documents (original_hash);
CREATE UNIQUE INDEX documents_by_photo ON documents (photo_id, original_hash);
-- One index per search, in the order of the list. The trailing columns answer a second filter from the index. SQLite
-- reads the row for `deleted_at` if the index does not have it.
CREATE INDEX documents_by_age ON documents (received_at, id, folder_id, kind, shelf, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_folder ON documents (folder_id, received_at, id, kind, shelf, seal, username, deleted_at) WHERE deleted_at IS NULL;
-- The other sorts of a folder and of all folders.
CREATE INDEX documents_of_folder_by_name ON documents (folder_id, name_key, id, kind, shelf, seal, username, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_folder_by_taken ON documents (folder_id, taken_key, id, kind, shelf, seal, username, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_folder_by_bytes ON documents (folder_id, bytes, id, kind, shelf, seal, username, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX documents_by_name ON documents (name_key, id, folder_id, kind, shelf, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX documents_by_taken ON documents (taken_key, id, folder_id, kind, shelf, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX documents_by_bytes ON documents (bytes, id, folder_id, kind, shelf, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_copied_photo ON documents (copied_photo_id) WHERE copied_photo_id IS NOT NULL;
CREATE INDEX documents_of_flow ON documents (flow_id, received_at, id, kind, shelf, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_seal ON documents (seal, received_at, id, kind, username, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_user ON documents (username, received_at, id, kind, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_kind ON documents (kind, received_at, id, deleted_at) WHERE deleted_at IS NULL;

-- A photo may learn its grant and its kind late, from a key. Its documents follow every such change.
CREATE FUNCTION photos_tell() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  UPDATE documents SET kind = NEW.kind,
    seal = (SELECT seal FROM grants WHERE id = NEW.grant_id), user_name = (SELECT user_name FROM grants WHERE id = NEW.grant_id),
    username = (SELECT username FROM grants WHERE id = NEW.grant_id)
  WHERE photo_id = NEW.id;
  UPDATE documents SET kind = NEW.kind WHERE copied_photo_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER photos_tell AFTER UPDATE OF kind, grant_id ON photos FOR EACH ROW
WHEN ((OLD.kind, OLD.grant_id) IS DISTINCT FROM (NEW.kind, NEW.grant_id)) EXECUTE FUNCTION photos_tell();

-- folder_totals and folder_days follow each document that is inserted, deleted, moved, trashed or restored, or becomes a face.
-- Inserts are counted per statement, because a batch of photos belongs to one flow.
CREATE FUNCTION documents_come() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO folder_totals AS t (folder_id, part, documents, bytes, faces, face_bytes, hidden, hidden_bytes)
  SELECT folder_id, right(COALESCE(flow_id, ''), 2), COUNT(*), SUM(bytes),
    COUNT(*) FILTER (WHERE face), COALESCE(SUM(bytes) FILTER (WHERE face), 0),
    COUNT(*) FILTER (WHERE hid), COALESCE(SUM(bytes) FILTER (WHERE hid), 0)
  FROM (SELECT *, COALESCE(kind, '') IN ('face', 'unknown') AND shelf <> 'flow' AS face, shelf = 'flow' AS hid FROM come) AS c
  WHERE deleted_at IS NULL AND shelf <> 'draft' GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (folder_id, part) DO UPDATE SET documents = t.documents + excluded.documents, bytes = t.bytes + excluded.bytes,
    faces = t.faces + excluded.faces, face_bytes = t.face_bytes + excluded.face_bytes,
    hidden = t.hidden + excluded.hidden, hidden_bytes = t.hidden_bytes + excluded.hidden_bytes;
  INSERT INTO folder_days AS t (folder_id, received, taken, part, documents, faces, hidden)
  SELECT folder_id, (received_at + 86400028800000000) / 86400000000, (taken_key + 86400028800000000) / 86400000000, right(COALESCE(flow_id, ''), 2),
    COUNT(*), COUNT(*) FILTER (WHERE face), COUNT(*) FILTER (WHERE hid)
  FROM (SELECT *, COALESCE(kind, '') IN ('face', 'unknown') AND shelf <> 'flow' AS face, shelf = 'flow' AS hid FROM come) AS c
  WHERE deleted_at IS NULL AND shelf <> 'draft' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (folder_id, received, taken, part) DO UPDATE SET documents = t.documents + excluded.documents,
    faces = t.faces + excluded.faces, hidden = t.hidden + excluded.hidden;
  RETURN NULL;
END $$;
CREATE TRIGGER documents_come AFTER INSERT ON documents REFERENCING NEW TABLE AS come
FOR EACH STATEMENT EXECUTE FUNCTION documents_come();

CREATE FUNCTION documents_go() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
  face BIGINT;
  hid BIGINT;
BEGIN
  IF OLD.deleted_at IS NULL AND OLD.shelf <> 'draft' THEN
    hid := CASE WHEN OLD.shelf = 'flow' THEN 1 ELSE 0 END;
    face := CASE WHEN OLD.kind IN ('face', 'unknown') AND hid = 0 THEN 1 ELSE 0 END;
    UPDATE folder_totals SET documents = documents - 1, bytes = bytes - OLD.bytes, faces = faces - face,
      face_bytes = face_bytes - OLD.bytes * face, hidden = hidden - hid, hidden_bytes = hidden_bytes - OLD.bytes * hid
    WHERE folder_id = OLD.folder_id AND part = right(COALESCE(OLD.flow_id, ''), 2);
    UPDATE folder_days SET documents = documents - 1, faces = faces - face, hidden = hidden - hid
    WHERE folder_id = OLD.folder_id AND received = (OLD.received_at + 86400028800000000) / 86400000000
      AND taken = (OLD.taken_key + 86400028800000000) / 86400000000 AND part = right(COALESCE(OLD.flow_id, ''), 2);
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.deleted_at IS NULL AND NEW.shelf <> 'draft' THEN
    hid := CASE WHEN NEW.shelf = 'flow' THEN 1 ELSE 0 END;
    face := CASE WHEN NEW.kind IN ('face', 'unknown') AND hid = 0 THEN 1 ELSE 0 END;
    INSERT INTO folder_totals AS t (folder_id, part, documents, bytes, faces, face_bytes, hidden, hidden_bytes)
    VALUES (NEW.folder_id, right(COALESCE(NEW.flow_id, ''), 2), 1, NEW.bytes, face, NEW.bytes * face, hid, NEW.bytes * hid)
    ON CONFLICT (folder_id, part) DO UPDATE SET documents = t.documents + 1, bytes = t.bytes + excluded.bytes,
      faces = t.faces + excluded.faces, face_bytes = t.face_bytes + excluded.face_bytes,
      hidden = t.hidden + excluded.hidden, hidden_bytes = t.hidden_bytes + excluded.hidden_bytes;
    INSERT INTO folder_days AS t (folder_id, received, taken, part, documents, faces, hidden)
    VALUES (NEW.folder_id, (NEW.received_at + 86400028800000000) / 86400000000, (NEW.taken_key + 86400028800000000) / 86400000000,
      right(COALESCE(NEW.flow_id, ''), 2), 1, face, hid)
    ON CONFLICT (folder_id, received, taken, part) DO UPDATE SET documents = t.documents + 1, faces = t.faces + excluded.faces,
      hidden = t.hidden + excluded.hidden;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER documents_go AFTER DELETE ON documents FOR EACH ROW EXECUTE FUNCTION documents_go();
CREATE TRIGGER documents_move AFTER UPDATE OF folder_id, flow_id, kind, deleted_at, shelf ON documents FOR EACH ROW
WHEN ((OLD.folder_id, OLD.flow_id, OLD.kind, OLD.deleted_at, OLD.shelf)
  IS DISTINCT FROM (NEW.folder_id, NEW.flow_id, NEW.kind, NEW.deleted_at, NEW.shelf))
EXECUTE FUNCTION documents_go();

-- Search -------------------------------------------------------------------------------------------------------------

-- What a search finds: a flow, a document without a flow, or a folder (src/library/search_terms.rs).
CREATE TABLE search_owners (
  -- from the time in the id of the owner, for a flow in its list_key, so a later owner has a higher number
  no    BIGINT PRIMARY KEY NOT NULL,
  owner TEXT COLLATE "C" NOT NULL UNIQUE,
  -- folded: the words of a flow or the name of a folder. '' for a document: its row has its names
  text  TEXT COLLATE "C" NOT NULL
);

-- The terms of each owner (src/library/search/terms.rs). The names of a flow's documents are terms of the flow.
CREATE TABLE search_terms (
  -- f (flow), d (document) or p (folder), then two characters, or the digits of a number from one of them on
  term TEXT COLLATE "C" NOT NULL,
  no   BIGINT NOT NULL,
  PRIMARY KEY (term, no)
);

-- Where a run of `yinku reindex` stands; no row: no run is unfinished.
CREATE TABLE reindex_runs (
  id    BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
  -- flows, documents, folders or terms
  part  TEXT COLLATE "C" NOT NULL,
  -- the last id or term that was done
  after TEXT COLLATE "C" NOT NULL
);

-- Dispatch: a stamped file or a supplied photo on its way to the vendor ----------------------------------------------

CREATE TABLE dispatches (
  id            TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  seal_use_id   TEXT COLLATE "C" NOT NULL REFERENCES seal_uses (id),
  -- file, images (stamped pages) or photo
  kind          TEXT COLLATE "C" NOT NULL,
  -- the stamped file, or the document of a supplied photo once it is linked
  document_id   TEXT COLLATE "C" UNIQUE REFERENCES documents (id),
  -- of a supplied photo: its grant, its kind, and when the ingest linked it
  grant_id      TEXT COLLATE "C" REFERENCES grants (id),
  photo_kind    TEXT COLLATE "C",
  linked_at     BIGINT,
  original_hash TEXT COLLATE "C" NOT NULL REFERENCES originals (hash),
  name          TEXT COLLATE "C" NOT NULL,
  state         TEXT COLLATE "C" NOT NULL,
  error         TEXT COLLATE "C",
  -- true: the vendor refused the file, and the service sends it again
  resend        BOOLEAN NOT NULL DEFAULT FALSE,
  created_by    TEXT COLLATE "C" NOT NULL,
  created_at    BIGINT NOT NULL,
  updated_at    BIGINT NOT NULL
);
CREATE INDEX dispatches_by_seal_use ON dispatches (seal_use_id, state);
CREATE INDEX dispatches_in_trouble ON dispatches (seal_use_id) WHERE (state = 'failed' OR state = 'unknown');
CREATE INDEX dispatches_by_original ON dispatches (original_hash);
CREATE UNIQUE INDEX dispatches_by_supply ON dispatches (grant_id, original_hash);

-- Ingest -------------------------------------------------------------------------------------------------------------

CREATE TABLE ingests (
  id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  seal_use_id TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES seal_uses (id),
  cause       TEXT COLLATE "C" NOT NULL,
  state       TEXT COLLATE "C" NOT NULL,
  passes      BIGINT NOT NULL DEFAULT 0,
  rechecks    BIGINT NOT NULL DEFAULT 0,
  duplicates  BIGINT NOT NULL DEFAULT 0,
  bytes       BIGINT NOT NULL DEFAULT 0,
  next_at     BIGINT,
  error       TEXT COLLATE "C",
  -- when the zip was last read; it is read again only after another wake
  zip_at      BIGINT,
  -- when a reading without a missing photo last ended, successful or not; only a recheck or a user repeats a failed one
  zip_tried_at BIGINT,
  woken_at    BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL
);
CREATE INDEX ingests_by_state ON ingests (state, id);

-- Callback -----------------------------------------------------------------------------------------------------------

CREATE TABLE callbacks (
  id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  received_at  BIGINT NOT NULL,
  -- it carried the secret, or came from an allowed network; written once, at its receipt
  authenticated BOOLEAN NOT NULL,
  peer         TEXT COLLATE "C" NOT NULL,
  query        TEXT COLLATE "C" NOT NULL,
  content_type TEXT COLLATE "C",
  -- the body as received: in the row, or in the store if it is large; of an unauthenticated callback only the first
  -- 64 KiB, and nothing if it has pictures for a known seal use
  body         BYTEA,
  body_bytes   BIGINT NOT NULL,
  -- of the whole body, taken when it came
  body_sha256  TEXT COLLATE "C" NOT NULL,
  body_key     TEXT COLLATE "C",
  shape        TEXT COLLATE "C" NOT NULL,
  business_id  TEXT COLLATE "C",
  -- the id of our seal use in the address that was given to the vendor
  named_use    TEXT COLLATE "C",
  images       BIGINT NOT NULL,
  digest       TEXT COLLATE "C" NOT NULL,
  params       TEXT COLLATE "C" NOT NULL,
  -- of an unauthenticated callback: the BLAKE3 hashes of its pictures, which are not kept, as a JSON list
  picture_hashes TEXT COLLATE "C",
  state        TEXT COLLATE "C" NOT NULL,
  seal_use_id  TEXT COLLATE "C" REFERENCES seal_uses (id),
  error        TEXT COLLATE "C"
);
CREATE INDEX callbacks_by_state ON callbacks (state, business_id);
-- The inbox of one state, newest first.
CREATE INDEX callbacks_by_state_and_age ON callbacks (state, id);
CREATE INDEX callbacks_by_seal_use ON callbacks (seal_use_id, state);
-- Bodies that are dropped after `callback.keep`.
CREATE INDEX callbacks_with_body ON callbacks (received_at)
  WHERE (state = 'dead' OR state = 'orphan') AND (body IS NOT NULL OR body_key IS NOT NULL);

-- Manifest -----------------------------------------------------------------------------------------------------------

CREATE TABLE manifests (
  flow_id    TEXT COLLATE "C" NOT NULL REFERENCES flows (id),
  n          BIGINT NOT NULL,
  store_key  TEXT COLLATE "C" NOT NULL,
  hash       TEXT COLLATE "C" NOT NULL,
  documents  BIGINT NOT NULL,
  -- how many of the documents are no photo of an unknown kind
  of_known_kind BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (flow_id, n)
);

-- Bundle -------------------------------------------------------------------------------------------------------------

-- A frozen selection of documents. The plan, an object of the store, names its bytes.
CREATE TABLE bundles (
  id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  -- photos, evidence or selection
  kind       TEXT COLLATE "C" NOT NULL,
  flow_id    TEXT COLLATE "C" REFERENCES flows (id),
  -- it has photos of faces, or of an unknown kind
  faces      BOOLEAN NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  -- NULL: the zip is not made yet, or its objects are deleted
  plan_key   TEXT COLLATE "C",
  bytes      BIGINT NOT NULL,
  entries    BIGINT NOT NULL,
  -- empty until the zip is made
  etag       TEXT COLLATE "C" NOT NULL,
  -- the documents and flows that stand for the rights to it, as JSON; NULL: the flow alone
  needs      TEXT COLLATE "C",
  -- what could not be given, as a JSON list
  left_out   TEXT COLLATE "C" NOT NULL,
  made_by    TEXT COLLATE "C" NOT NULL,
  made_at    BIGINT NOT NULL,
  -- NULL: it does not end
  expires_at BIGINT,
  -- its id is gone for ever
  ended      BOOLEAN NOT NULL DEFAULT FALSE
);
-- One state of a flow, one bundle.
CREATE UNIQUE INDEX bundles_by_flow ON bundles (flow_id, kind, etag) WHERE NOT ended AND flow_id IS NOT NULL;
CREATE INDEX bundles_by_end ON bundles (expires_at, id) WHERE expires_at IS NOT NULL AND (plan_key IS NOT NULL OR NOT ended);

-- The flows of a bundle, and the folders of its documents without a flow. They stay when the bundle has ended: the audit
-- log finds the bundles of a flow by them.
CREATE TABLE bundle_places (
  place     TEXT COLLATE "C" NOT NULL,
  bundle_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (place, bundle_id)
);

-- A change of a document at a place of the bundle. The next request finds out what it means for the rights.
CREATE TABLE bundle_changes (
  id        TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  bundle_id TEXT COLLATE "C" NOT NULL
);
CREATE INDEX bundle_changes_by_bundle ON bundle_changes (bundle_id, id);

-- What a bundle is to be made of, until it is made.
CREATE TABLE bundle_wishes (
  bundle_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES bundles (id),
  user_id   TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  wish      TEXT COLLATE "C" NOT NULL
);

-- Addresses of bundles without a login. Only the hash of the key is kept.
CREATE TABLE bundle_links (
  key_hash   TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  bundle_id  TEXT COLLATE "C" NOT NULL REFERENCES bundles (id),
  user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  expires_at BIGINT NOT NULL
);
CREATE INDEX bundle_links_by_bundle ON bundle_links (bundle_id);
CREATE INDEX bundle_links_by_end ON bundle_links (expires_at);

CREATE FUNCTION bundles_hear() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO bundle_changes (id, bundle_id) SELECT gen_random_uuid()::text, p.bundle_id FROM bundle_places p JOIN bundles b ON b.id = p.bundle_id
  WHERE p.place = COALESCE(OLD.flow_id, OLD.folder_id) AND NOT b.ended ORDER BY p.bundle_id;
  RETURN NULL;
END $$;
-- The triggers run at the commit, when the transaction holds the lock of the audit log. A bundle that was committed before
-- has its places then. A bundle that is committed later reads the change.
CREATE CONSTRAINT TRIGGER bundles_hear AFTER UPDATE OF folder_id, flow_id, kind, deleted_at, shelf ON documents
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN ((OLD.folder_id, OLD.flow_id, OLD.kind, OLD.deleted_at, OLD.shelf) IS DISTINCT FROM (NEW.folder_id, NEW.flow_id, NEW.kind, NEW.deleted_at, NEW.shelf))
EXECUTE FUNCTION bundles_hear();
CREATE CONSTRAINT TRIGGER bundles_hear_end AFTER DELETE ON documents
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bundles_hear();

-- Evidence -----------------------------------------------------------------------------------------------------------

-- The evidence packages that are made: one per state of a flow and variant.
CREATE TABLE evidence_packages (
  flow_id   TEXT COLLATE "C" NOT NULL REFERENCES flows (id),
  -- the number of the manifest, or `0-` and a fingerprint of the facts while there is no manifest
  state     TEXT COLLATE "C" NOT NULL,
  -- with photos of faces, or of an unknown kind
  faces     BOOLEAN NOT NULL,
  n         BIGINT NOT NULL,
  -- SHA-256 of the tag manifest
  s         TEXT COLLATE "C" NOT NULL,
  bundle_id TEXT COLLATE "C" NOT NULL REFERENCES bundles (id),
  -- photos that are missing, and photos that this variant leaves out
  missing   BIGINT NOT NULL,
  withheld  BIGINT NOT NULL,
  sealed_at BIGINT NOT NULL,
  PRIMARY KEY (flow_id, state, faces)
);
CREATE INDEX evidence_packages_by_bundle ON evidence_packages (bundle_id);

-- Fixity -------------------------------------------------------------------------------------------------------------

-- What the checks of the store found. A finding is open until the bytes are right again.
CREATE TABLE fixity_findings (
  id        TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  -- missing, changed, unreadable or untracked
  kind      TEXT COLLATE "C" NOT NULL,
  -- the hash of an original, or the key of an object without a row
  subject   TEXT COLLATE "C" NOT NULL,
  store_key TEXT COLLATE "C" NOT NULL,
  -- how it was found
  detail    TEXT COLLATE "C" NOT NULL,
  found_by  TEXT COLLATE "C" NOT NULL,
  found_at  BIGINT NOT NULL,
  healed_at BIGINT
);
-- A subject has one open finding.
CREATE UNIQUE INDEX fixity_findings_open ON fixity_findings (subject) WHERE (healed_at IS NULL);

-- The runs of the check, one after the other. The first one without an end is the one that runs.
CREATE TABLE fixity_runs (
  id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  -- scheduled, all, sample, flow or folder
  kind        TEXT COLLATE "C" NOT NULL,
  -- in millionths of all originals
  share       BIGINT,
  flow_id     TEXT COLLATE "C" REFERENCES flows (id),
  folder_id   TEXT COLLATE "C",
  asked_by    TEXT COLLATE "C" NOT NULL,
  asked_at    BIGINT NOT NULL,
  started_at  BIGINT,
  ended_at    BIGINT,
  -- how many originals it looks at; NULL: all that it chooses
  target      BIGINT,
  checked     BIGINT NOT NULL,
  bytes       BIGINT NOT NULL,
  missing     BIGINT NOT NULL,
  changed     BIGINT NOT NULL,
  untracked   BIGINT NOT NULL,
  not_checked BIGINT NOT NULL,
  -- good, findings or could_not_check; NULL: it has not ended
  result      TEXT COLLATE "C",
  detail      TEXT COLLATE "C"
);
CREATE INDEX fixity_runs_open ON fixity_runs (id) WHERE (ended_at IS NULL);

-- Job ----------------------------------------------------------------------------------------------------------------

-- One row per thing that has work to do. A wake during a run asks for one more run.
CREATE TABLE jobs (
  id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  kind        TEXT COLLATE "C" NOT NULL,
  subject     TEXT COLLATE "C" NOT NULL,
  state       TEXT COLLATE "C" NOT NULL,
  run_at      BIGINT NOT NULL,
  -- until then, another callback does not start the job again
  rest_until  BIGINT NOT NULL DEFAULT 0,
  wakes       BIGINT NOT NULL,
  attempts    BIGINT NOT NULL DEFAULT 0,
  lease_owner TEXT COLLATE "C",
  lease_until BIGINT,
  lease_epoch BIGINT NOT NULL DEFAULT 0,
  error       TEXT COLLATE "C",
  created_at  BIGINT NOT NULL,
  UNIQUE (kind, subject)
);
-- A claim reads the jobs that have work, in the order of their time: few of all jobs that ever were.
CREATE INDEX jobs_to_run ON jobs (run_at, id) WHERE state = 'queued' OR state = 'running';

-- Write test ---------------------------------------------------------------------------------------------------------

-- The rows that readiness writes to see whether the database accepts a write: one that stays, and one that needs free
-- pages and is deleted at once.
CREATE TABLE write_test (
  id     BIGINT PRIMARY KEY NOT NULL CHECK (id IN (1, 2)),
  at     BIGINT NOT NULL,
  filler BYTEA
);

-- Audit --------------------------------------------------------------------------------------------------------------

-- Append-only. Each row is chained to the row before it by its hash (src/audit/chain.rs).
CREATE TABLE audit (
  -- without gaps, from 1
  seq      BIGINT PRIMARY KEY NOT NULL,
  at       BIGINT NOT NULL,
  username TEXT COLLATE "C" NOT NULL,
  act      TEXT COLLATE "C" NOT NULL,
  subject  TEXT COLLATE "C" NOT NULL,
  flow_id  TEXT COLLATE "C",
  detail   TEXT COLLATE "C",
  -- the address of the client, and session:<id> or token:<id>
  peer     TEXT COLLATE "C",
  via      TEXT COLLATE "C",
  prev     TEXT COLLATE "C" NOT NULL,
  hash     TEXT COLLATE "C" NOT NULL
);
-- One index per filter, newest row first. With the trailing time, a range of time is checked in the index.
CREATE INDEX audit_in_order ON audit (seq, at);
CREATE INDEX audit_by_at ON audit (at);
CREATE INDEX audit_by_username ON audit (username, seq, at);
CREATE INDEX audit_by_act ON audit (act, seq, at);
CREATE INDEX audit_by_username_and_act ON audit (username, act, seq);
CREATE INDEX audit_by_subject ON audit (subject, seq);
CREATE INDEX audit_by_flow ON audit (flow_id, seq);
-- Columns alone do not show the planner that a user never does certain acts.
CREATE STATISTICS audit_who_does_what (mcv) ON username, act FROM audit;

-- The end of the chain. Writers lock this one row, so they take turns.
CREATE TABLE audit_head (
  id   BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
  seq  BIGINT NOT NULL,
  hash TEXT COLLATE "C" NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- The log refuses every change. The program checks the chain too, in case the triggers are removed.
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_never_changed BEFORE UPDATE OR DELETE ON audit
  FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_head_never_back BEFORE UPDATE ON audit_head
  FOR EACH ROW WHEN (NEW.seq < OLD.seq OR NEW.id <> OLD.id) EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_head_never_deleted BEFORE DELETE ON audit_head
  FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_head_never_emptied BEFORE TRUNCATE ON audit_head
  FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
