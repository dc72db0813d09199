-- 2,000 flows with two documents each; {id:K:N} is the id of the N-th row of kind K, {n:COUNT} are numbers from 1 on.
INSERT INTO definitions (id, name, version, created_at) VALUES ({id:9:1}, '用印', 1, 0);
INSERT INTO definition_versions (definition_id, version, body, created_at, created_by) VALUES ({id:9:1}, 1, '{"name":"用印","fields":[],"nodes":[]}', 0, 'u');
INSERT INTO services (id, name, base_url, app_token, app_secret, sign_mode, created_at)
  VALUES ({id:8:1}, '契约锁', 'http://127.0.0.1:1', 't', 's', 'legacy', 0);
{n:2000} INSERT INTO flows (id, list_key, serial_no, definition_id, version, title, starter, state, form, created_at, updated_at)
  SELECT {id:0:i}, {id:0:i}, 'YK-' || CAST(i AS TEXT), {id:9:1}, 1, 't', 'u', 'archived', '{}', 0, 0 FROM n;
{n:2000} INSERT INTO seal_uses (id, flow_id, service_id, no, serial_no, status, application, created_at)
  SELECT {id:3:i}, {id:0:i}, {id:8:1}, 1, 'YK-' || CAST(i AS TEXT), 'complete', '{}', 0 FROM n;
{n:2000} INSERT INTO grants (id, seal_use_id, vendor_id, position, seal, user_name, username, applied, used, left_count, complete)
  SELECT {id:2:i}, {id:3:i}, CAST(i AS TEXT), 0,
    CASE WHEN i % 400 = 7 THEN '旧章' WHEN i % 3 = 0 THEN '合同章' ELSE '公章' END,
    'x', CASE WHEN i % 2 = 0 THEN '甲' WHEN i % 300 = 1 THEN '乙' ELSE '丙' END, 1, 1, 0, TRUE FROM n;
{n:4000} INSERT INTO originals (hash, sha256, crc32, bytes, mime, ext, complete, store_key, created_at, checked_at)
  SELECT CAST(i AS TEXT), 's', 1, 1, 'image/jpeg', 'jpg', TRUE, 'k' || CAST(i AS TEXT), 0, 0 FROM n;
-- Received in no order of the ids, several at one time; every seventh document is of no photo.
{n:4000} INSERT INTO photos (id, seal_use_id, photokey, kind, grant_id, source, position, state, original_hash, no, received_at, created_at, confirmation)
  SELECT {id:1:i}, {id:3:((i + 1) / 2)}, CAST(i AS TEXT),
    CASE WHEN i % 5 = 0 THEN 'face' WHEN i % 1000 = 3 THEN 'emergency' ELSE 'signatory' END,
    {id:2:((i + 1) / 2)}, 'key', i, 'done', CAST(i AS TEXT), i, (i * 7919) % 1499, 0, 'confirmed' FROM n WHERE i % 7 <> 0;
INSERT INTO folders (id, parent, space, owner, name, lineage, shelf, created_at) VALUES
  ({id:7:0}, '', 'public', '', 'a', {id:7:0} || '/', 'public', 0), ({id:7:1}, '', 'system', '', 'b', {id:7:1} || '/', 'system', 0),
  ({id:7:2}, '', 'personal', '{owner}', 'c', {id:7:2} || '/', '{owner}', 0);
{n:4000} INSERT INTO documents (id, folder_id, shelf, name, original_hash, source, flow_id, field_key, position, photo_id, kind, seal,
    user_name, username, received_at, created_by, created_at, deleted_at, name_key, taken_key, bytes)
  SELECT {id:1:i}, f.id, 'folder',
    'YK-' || CAST((i + 1) / 2 AS TEXT) || '_' || COALESCE(g.seal, '扫描') || '_' || CAST(i AS TEXT) || '_Abc.jpg',
    CAST(i AS TEXT), 'photo', {id:0:((i + 1) / 2)}, 'photos', i, p.id, p.kind, g.seal, g.user_name, g.username, (i * 7919) % 1499, 'yinku',
    (i * 7919) % 1499, CASE WHEN i % 97 = 0 THEN 1 END, 'n', (i * 7919) % 1499, 1
  FROM n LEFT JOIN photos p ON p.id = {id:1:i} LEFT JOIN grants g ON g.id = p.grant_id
  JOIN folders f ON f.id = {id:7:(CASE WHEN ((i + 1) / 2) % 5 = 0 THEN 0 WHEN ((i + 1) / 2) % 50 = 1 THEN 2 ELSE 1 END)};
{n:2000} INSERT INTO flow_people (flow_id, list_key, who, state, definition_id) SELECT {id:0:i}, {id:0:i}, 'user:many', 'archived', {id:9:1} FROM n WHERE i % 4 <> 0;
{n:2000} INSERT INTO flow_people (flow_id, list_key, who, state, definition_id) SELECT {id:0:i}, {id:0:i}, 'user:few', 'archived', {id:9:1} FROM n WHERE i % 500 = 1;
