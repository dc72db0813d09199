-- What the first version had written: people, a definition, an archived flow with its photo, flows on their way.
INSERT INTO services VALUES ('{service}', '契约锁', '{vendor}', '{token}', '{secret}', 'legacy', 1);
INSERT INTO users VALUES
  ('{u1}', 'zhang', '张三', 'x', '["member"]', 'E001', NULL, NULL, FALSE, 1),
  ('{u2}', 'li', '李四', 'x', '["member"]', 'E002', NULL, NULL, FALSE, 1),
  ('{u3}', 'wang', '王五', 'x', '["operator"]', 'E003', NULL, NULL, FALSE, 1),
  ('{u4}', 'zhao', '赵六', 'x', '["archivist"]', 'E004', NULL, NULL, FALSE, 1),
  ('{u5}', 'sun', '孙七', 'x', '["auditor"]', 'E005', NULL, NULL, FALSE, 1),
  ('{u6}', 'admin', '管理员', 'x', '["admin"]', 'E006', NULL, NULL, FALSE, 1);
INSERT INTO definitions VALUES ('{definition}', '物理用印申请', 1, 1);
INSERT INTO definition_versions VALUES ('{definition}', 1, '{body}', 1, 'admin');
INSERT INTO serial_numbers VALUES ('20251231', 4);

INSERT INTO flows (id, serial_no, definition_id, version, title, starter, state, node, form, photo_no, manifest_no, created_at, updated_at, archived_at) VALUES
  ('{done}', 'YK20251231-0001', '{definition}', 1, '旧合同', 'zhang', 'archived', NULL, '{form}', 1, 1, 10, 20, 20),
  ('{fresh}', 'YK20251231-0002', '{definition}', 1, '待审批', 'zhang', 'running', 'manager', '{form}', 0, 0, 11, 11, NULL),
  ('{using}', 'YK20251231-0003', '{definition}', 1, '用印中', 'zhang', 'running', 'seal', '{form}', 0, 0, 12, 12, NULL),
  ('{lost}', 'YK20251231-0004', '{definition}', 1, '不知道', 'zhang', 'running', 'seal', '{form}', 0, 0, 13, 13, NULL);
INSERT INTO flow_people (flow_id, who)
  SELECT f.id, w.who FROM flows f CROSS JOIN
    (SELECT 'user:zhang' AS who UNION SELECT 'user:li' UNION SELECT 'role:operator' UNION SELECT 'user:wang') w;
INSERT INTO flow_events (id, flow_id, at, actor, act, node, detail) VALUES
  ('{e1}', '{done}', 10, 'zhang', 'submitted', NULL, NULL),
  ('{e2}', '{done}', 15, 'li', 'approved', 'manager', '同意'),
  ('{e3}', '{done}', 20, 'yinku', 'archived', NULL, 'manifests/2025/{done}/1.json'),
  ('{e4}', '{fresh}', 11, 'zhang', 'submitted', NULL, NULL);

INSERT INTO seal_uses (id, flow_id, service_id, no, serial_no, business_id, status, application, asked_at, detail, detail_at, ended_at, error, created_at) VALUES
  ('{done_use}', '{done}', '{service}', 1, 'YK20251231-0001', '1', 'complete', '{application}', 15, NULL, NULL, 18, NULL, 15),
  ('{using_use}', '{using}', '{service}', 1, 'YK20251231-0003', '{business}', 'using', '{application}', 15, NULL, NULL, NULL, NULL, 15),
  ('{lost_use}', '{lost}', '{service}', 1, 'YK20251231-0004', NULL, 'unknown', '{application}', 15, NULL, NULL, NULL, 'the vendor did not answer in time', 15);
INSERT INTO grants (id, seal_use_id, vendor_id, position, seal, device_no, owner, user_name, contact, number, applied, used, left_count, code, complete) VALUES
  ('{done_grant}', '{done_use}', '7', 0, '公章', 'QYS2019040001', NULL, '王五', NULL, 'E003', 1, 1, 0, '111111', TRUE),
  ('{using_grant}', '{using_use}', '{auth}', 0, '公章', 'QYS2019040001', NULL, '王五', NULL, 'E003', 2, 0, 2, '222222', FALSE);

INSERT INTO originals (hash, sha256, sm3, crc32, bytes, mime, ext, width, height, complete, store_key, undecodable, created_at) VALUES
  ('{blake3}', '{sha256}', NULL, {crc32}, {bytes}, 'image/png', 'png', 40, 30, TRUE, '{key}', NULL, 17);
INSERT INTO photos (id, seal_use_id, photokey, kind, grant_id, source, position, state, original_hash, no, received_at, created_at) VALUES
  ('{photo}', '{done_use}', 'key-1', 'signatory', '{done_grant}', 'key', 0, 'done', '{blake3}', 1, 17, 16);
INSERT INTO folders (id, parent, space, owner, name, created_at) VALUES
  ('{top}', '', 'public', '', '用印', 16), ('{folder}', '{top}', 'public', '', '2026', 16);
INSERT INTO documents (id, folder_id, name, original_hash, source, flow_id, field_key, position, photo_id, created_by, created_at) VALUES
  ('{document}', '{folder}', 'YK20251231-0001_公章_1_signatory.png', '{blake3}', 'photo', '{done}', 'photos', 1, '{photo}', 'yinku', 17),
  ('{upload}', '{folder}', '盖章扫描.png', '{blake3}', 'upload', '{done}', 'stamped', 1, NULL, 'wang', 17);
INSERT INTO ingests (id, seal_use_id, cause, state, passes, bytes, woken_at, created_at, updated_at) VALUES
  ('{i1}', '{done_use}', 'callback', 'done', 1, {bytes}, 16, 15, 18),
  ('{i2}', '{using_use}', 'poll', 'queued', 0, 0, 16, 15, 15);
INSERT INTO callbacks (id, received_at, peer, query, content_type, body, body_bytes, shape, business_id, images, digest, params, state, seal_use_id) VALUES
  ('{callback}', 16, '127.0.0.1', 'ecologyOperate=download', NULL, NULL, 0, 'w', '1', 0, 'd', '{}', 'done', '{done_use}');
INSERT INTO jobs (id, kind, subject, state, run_at, wakes, created_at) VALUES
  ('{j1}', 'ingest', '{done_use}', 'idle', 18, 1, 15),
  ('{j2}', 'ingest', '{using_use}', 'idle', 18, 1, 15),
  ('{j3}', 'apply', '{lost_use}', 'parked', 18, 1, 15);
INSERT INTO manifests VALUES ('{done}', 1, 'manifests/2025/{done}/1.json', 'h', 2, 20);
