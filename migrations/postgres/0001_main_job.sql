-- Ids are UUIDv7 as text, instants BIGINT microseconds UTC, JSON is TEXT. Words as in docs/architecture.md.

CREATE TABLE services (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL,
  base_url    TEXT NOT NULL,
  app_token   TEXT NOT NULL,
  app_secret  TEXT NOT NULL,
  sign_mode   TEXT NOT NULL,
  created_at  BIGINT NOT NULL
);

CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  username      TEXT NOT NULL UNIQUE,
  display_name  TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  roles         TEXT NOT NULL,
  employee_no   TEXT,
  mobile        TEXT,
  manager       TEXT,
  disabled      BOOLEAN NOT NULL DEFAULT FALSE,
  created_at    BIGINT NOT NULL
);
CREATE INDEX users_by_mobile ON users (mobile);

-- Only hashes of secrets: who reads the database cannot log in with it.
CREATE TABLE sessions (
  secret_hash TEXT PRIMARY KEY,
  user_id     TEXT NOT NULL REFERENCES users (id),
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL
);

CREATE TABLE tokens (
  id          TEXT PRIMARY KEY,
  secret_hash TEXT NOT NULL UNIQUE,
  user_id     TEXT NOT NULL REFERENCES users (id),
  name        TEXT NOT NULL,
  created_at  BIGINT NOT NULL
);

CREATE TABLE definitions (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  version    BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE definition_versions (
  definition_id TEXT NOT NULL REFERENCES definitions (id),
  version       BIGINT NOT NULL,
  body          TEXT NOT NULL,
  created_at    BIGINT NOT NULL,
  created_by    TEXT NOT NULL,
  PRIMARY KEY (definition_id, version)
);

CREATE TABLE serial_numbers (
  day  TEXT PRIMARY KEY,
  last BIGINT NOT NULL
);

CREATE TABLE flows (
  id            TEXT PRIMARY KEY,
  serial_no     TEXT NOT NULL UNIQUE,
  definition_id TEXT NOT NULL,
  version       BIGINT NOT NULL,
  title         TEXT NOT NULL,
  starter       TEXT NOT NULL,
  state         TEXT NOT NULL,
  node          TEXT,
  form          TEXT NOT NULL,
  -- the last running number given to a photo, and the last manifest written
  photo_no      BIGINT NOT NULL DEFAULT 0,
  manifest_no   BIGINT NOT NULL DEFAULT 0,
  created_at    BIGINT NOT NULL,
  updated_at    BIGINT NOT NULL,
  archived_at   BIGINT,
  FOREIGN KEY (definition_id, version) REFERENCES definition_versions (definition_id, version)
);
CREATE INDEX flows_by_definition ON flows (definition_id, id);
CREATE INDEX flows_by_state ON flows (state, id);

CREATE TABLE flow_events (
  id      TEXT PRIMARY KEY,
  flow_id TEXT NOT NULL REFERENCES flows (id),
  at      BIGINT NOT NULL,
  actor   TEXT NOT NULL,
  act     TEXT NOT NULL,
  node    TEXT,
  detail  TEXT
);
CREATE INDEX flow_events_by_flow ON flow_events (flow_id, id);

-- Who takes part in a flow: `user:<username>` or `role:<role>`.
CREATE TABLE flow_people (
  flow_id TEXT NOT NULL REFERENCES flows (id),
  who     TEXT NOT NULL,
  PRIMARY KEY (flow_id, who)
);
CREATE INDEX flow_people_by_who ON flow_people (who, flow_id);

CREATE TABLE approvals (
  flow_id  TEXT NOT NULL REFERENCES flows (id),
  node     TEXT NOT NULL,
  username TEXT NOT NULL,
  at       BIGINT NOT NULL,
  comment  TEXT,
  PRIMARY KEY (flow_id, node, username)
);

CREATE TABLE seal_uses (
  id          TEXT PRIMARY KEY,
  flow_id     TEXT NOT NULL REFERENCES flows (id),
  service_id  TEXT NOT NULL REFERENCES services (id),
  no          BIGINT NOT NULL,
  -- what we sent as serialNo; the vendor's detail repeats it
  serial_no   TEXT NOT NULL UNIQUE,
  business_id TEXT,
  status      TEXT NOT NULL,
  application TEXT NOT NULL,
  -- set before the application leaves; with no answer after it, nobody knows whether it arrived
  asked_at    BIGINT,
  -- the vendor's last detail, as it came
  detail      TEXT,
  detail_at   BIGINT,
  ended_at    BIGINT,
  error       TEXT,
  created_at  BIGINT NOT NULL,
  UNIQUE (flow_id, no)
);
CREATE UNIQUE INDEX seal_uses_by_business ON seal_uses (business_id, service_id);

CREATE TABLE grants (
  id          TEXT PRIMARY KEY,
  seal_use_id TEXT NOT NULL REFERENCES seal_uses (id),
  vendor_id   TEXT NOT NULL,
  position    BIGINT NOT NULL,
  seal        TEXT NOT NULL,
  device_no   TEXT,
  owner       TEXT,
  user_name   TEXT NOT NULL,
  contact     TEXT,
  number      TEXT,
  applied     BIGINT NOT NULL,
  used        BIGINT NOT NULL,
  left_count  BIGINT NOT NULL,
  code        TEXT,
  complete    BOOLEAN NOT NULL,
  UNIQUE (seal_use_id, vendor_id)
);

CREATE TABLE originals (
  hash            TEXT PRIMARY KEY,
  sha256          TEXT NOT NULL,
  sm3             TEXT,
  crc32           BIGINT NOT NULL,
  bytes           BIGINT NOT NULL,
  mime            TEXT NOT NULL,
  ext             TEXT NOT NULL,
  width           BIGINT,
  height          BIGINT,
  -- false: the bytes end before the picture does
  complete        BOOLEAN NOT NULL,
  store_key       TEXT NOT NULL,
  -- why there are no thumbnails; NULL when they exist
  undecodable     TEXT,
  created_at      BIGINT NOT NULL
);

CREATE TABLE photos (
  id              TEXT PRIMARY KEY,
  seal_use_id     TEXT NOT NULL REFERENCES seal_uses (id),
  photokey        TEXT,
  kind            TEXT NOT NULL,
  grant_id        TEXT REFERENCES grants (id),
  -- who brought it: key, push, zip, supply
  source          TEXT NOT NULL,
  position        BIGINT NOT NULL,
  state           TEXT NOT NULL,
  attempts        BIGINT NOT NULL DEFAULT 0,
  passes          BIGINT NOT NULL DEFAULT 0,
  next_attempt_at BIGINT,
  error_code      TEXT,
  error_detail    TEXT,
  original_hash   TEXT REFERENCES originals (hash),
  no              BIGINT,
  vendor_at       BIGINT,
  exif_at         BIGINT,
  received_at     BIGINT,
  clock_doubt     BOOLEAN NOT NULL DEFAULT FALSE,
  created_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX photos_by_key ON photos (seal_use_id, photokey);
CREATE INDEX photos_by_original ON photos (original_hash, seal_use_id);
CREATE INDEX photos_by_state ON photos (seal_use_id, state, position);

CREATE TABLE folders (
  id         TEXT PRIMARY KEY,
  -- '' for the folders at the top of a space
  parent     TEXT NOT NULL,
  space      TEXT NOT NULL,
  -- the user's id in the personal space, else ''
  owner      TEXT NOT NULL,
  name       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (space, owner, parent, name)
);
CREATE INDEX folders_by_parent ON folders (parent);

CREATE TABLE documents (
  id            TEXT PRIMARY KEY,
  folder_id     TEXT NOT NULL REFERENCES folders (id),
  name          TEXT NOT NULL,
  original_hash TEXT NOT NULL REFERENCES originals (hash),
  source        TEXT NOT NULL,
  flow_id       TEXT REFERENCES flows (id),
  field_key     TEXT,
  position      BIGINT,
  photo_id      TEXT REFERENCES photos (id),
  created_by    TEXT NOT NULL,
  created_at    BIGINT NOT NULL,
  UNIQUE (folder_id, name)
);
CREATE INDEX documents_by_flow ON documents (flow_id, field_key, position);
CREATE INDEX documents_by_original ON documents (original_hash);
CREATE UNIQUE INDEX documents_by_photo ON documents (photo_id, original_hash);

CREATE TABLE ingests (
  id          TEXT PRIMARY KEY,
  seal_use_id TEXT NOT NULL UNIQUE REFERENCES seal_uses (id),
  cause       TEXT NOT NULL,
  state       TEXT NOT NULL,
  passes      BIGINT NOT NULL DEFAULT 0,
  rechecks    BIGINT NOT NULL DEFAULT 0,
  duplicates  BIGINT NOT NULL DEFAULT 0,
  bytes       BIGINT NOT NULL DEFAULT 0,
  next_at     BIGINT,
  error       TEXT,
  -- when the zip was last read: not again until something wakes the ingest
  zip_at      BIGINT,
  woken_at    BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL
);
CREATE INDEX ingests_by_state ON ingests (state, id);

CREATE TABLE callbacks (
  id           TEXT PRIMARY KEY,
  received_at  BIGINT NOT NULL,
  peer         TEXT NOT NULL,
  query        TEXT NOT NULL,
  content_type TEXT,
  -- the body as it came: here, or in the store when it is large
  body         BYTEA,
  body_bytes   BIGINT NOT NULL,
  body_key     TEXT,
  shape        TEXT NOT NULL,
  business_id  TEXT,
  -- our own seal use's id, which the address we gave the vendor carries
  named_use    TEXT,
  images       BIGINT NOT NULL,
  digest       TEXT NOT NULL,
  params       TEXT NOT NULL,
  state        TEXT NOT NULL,
  seal_use_id  TEXT REFERENCES seal_uses (id),
  error        TEXT
);
CREATE INDEX callbacks_by_state ON callbacks (state, business_id);
CREATE INDEX callbacks_by_seal_use ON callbacks (seal_use_id, state);

-- One row per thing that has work to do. A wake while it runs asks for one more run.
CREATE TABLE jobs (
  id          TEXT PRIMARY KEY,
  kind        TEXT NOT NULL,
  subject     TEXT NOT NULL,
  state       TEXT NOT NULL,
  run_at      BIGINT NOT NULL,
  wakes       BIGINT NOT NULL,
  attempts    BIGINT NOT NULL DEFAULT 0,
  lease_owner TEXT,
  lease_until BIGINT,
  lease_epoch BIGINT NOT NULL DEFAULT 0,
  error       TEXT,
  created_at  BIGINT NOT NULL,
  UNIQUE (kind, subject)
);
CREATE INDEX jobs_by_state ON jobs (state, run_at);

CREATE TABLE manifests (
  flow_id    TEXT NOT NULL REFERENCES flows (id),
  n          BIGINT NOT NULL,
  store_key  TEXT NOT NULL,
  hash       TEXT NOT NULL,
  documents  BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (flow_id, n)
);

CREATE TABLE audit (
  id       TEXT PRIMARY KEY,
  at       BIGINT NOT NULL,
  username TEXT NOT NULL,
  act      TEXT NOT NULL,
  subject  TEXT NOT NULL,
  detail   TEXT
);
