// The photos of a flow by grant: each has its number, and a photo that is missing keeps its place. Pure.
import type { Schemas } from "@/api/client";

type Doc = Schemas["Document"];
type Photo = Schemas["PhotoView"];
type SealUse = Schemas["SealUseView"];

export interface Tile {
  /** The number within its grant. */
  no: number;
  photo: Photo;
  /** Absent: the photo is not here, or this person may not see it. */
  doc?: Doc;
  /** How many photos of the flow have this content. */
  copies: number;
}

export interface Group {
  sealUse: SealUse;
  grant?: Schemas["GrantView"];
  tiles: Tile[];
  /** Missing photos without a place: the device counted them, the vendor lists none. */
  rest: number;
}

export interface Photos {
  groups: Group[];
  faces: Tile[];
  /** The documents in the order in which the tiles show them. */
  docs: Doc[];
  bytes: number;
}

/** A photo in these states fills no gap later: its bytes are here. */
const ARRIVED: Photo["state"][] = ["done", "unconfirmed"];

/** A photo of an unknown kind may show a face, so it is shown like one. */
export function maybeFace(kind: Photo["kind"]): boolean {
  return kind === "face" || kind === "unknown";
}

/** Sorts what the ingests list and what the field holds. A document that no ingest lists stands in its own group. */
export function arrange(sealUses: SealUse[], ingests: Schemas["IngestView"][], docs: Doc[]): Photos {
  const byId = new Map(docs.map((doc) => [doc.id, doc]));
  const times = copiesOf(docs);
  const used = new Set<string>();
  const faces: Tile[] = [];
  const groups: Group[] = [];
  for (const sealUse of sealUses) {
    const listed = ingests.find((ingest) => ingest.id === sealUse.ingestId)?.photos ?? [];
    const tile = (photo: Photo, no: number): Tile => {
      const doc = photo.documentId ? byId.get(photo.documentId) : undefined;
      if (doc) used.add(doc.id);
      return { no, photo, doc, copies: doc ? times(doc) : 1 };
    };
    const stamps = listed.filter((photo) => !maybeFace(photo.kind));
    const mine = (id: string | null) => stamps.filter((photo) => photo.grantId === id);
    for (const grant of sealUse.grants) {
      const tiles = mine(grant.id).map((photo, index) => tile(photo, index + 1));
      const open = tiles.filter((one) => !ARRIVED.includes(one.photo.state)).length;
      groups.push({ sealUse, grant, tiles, rest: Math.max(0, grant.missing - open) });
    }
    const loose = mine(null).map((photo, index) => tile(photo, index + 1));
    if (loose.length > 0) groups.push({ sealUse, tiles: loose, rest: 0 });
    listed.filter((photo) => maybeFace(photo.kind)).forEach((photo, index) => faces.push(tile(photo, index + 1)));
  }
  const others = docs.filter((doc) => !used.has(doc.id));
  for (const doc of others) place(doc, times(doc), groups, faces, sealUses);
  const shown = [...groups.flatMap((group) => group.tiles), ...faces].flatMap(({ doc }) => (doc ? [doc] : []));
  return { groups, faces, docs: shown, bytes: docs.reduce((sum, doc) => sum + doc.bytes, 0) };
}

/** Two stampings with equal bytes are two photos of one original. */
function copiesOf(docs: Doc[]): (doc: Doc) => number {
  const photos = new Map<string, Set<string>>();
  for (const doc of docs) {
    const known = photos.get(doc.blake3) ?? new Set();
    photos.set(doc.blake3, known.add(doc.photo?.photoId ?? doc.id));
  }
  return (doc) => photos.get(doc.blake3)?.size ?? 1;
}

/** Places a document before its ingest was read: by the seal it names. */
function place(doc: Doc, copies: number, groups: Group[], faces: Tile[], sealUses: SealUse[]): void {
  const photo: Photo = {
    id: doc.photo?.photoId ?? doc.id,
    confirmation: doc.photo?.state ?? "confirmed",
    photokey: doc.photo?.photokey ?? null,
    kind: doc.photo?.kind ?? "signatory",
    grantId: null,
    user: doc.photo?.user ?? null,
    username: doc.photo?.username ?? null,
    employeeNo: doc.photo?.employeeNo ?? null,
    suppliedBy: doc.photo?.suppliedBy ?? null,
    suppliedAt: doc.photo?.suppliedAt ?? null,
    state: "done",
    attempts: 0,
    error: null,
    documentId: doc.id,
    blake3: doc.blake3,
  };
  if (maybeFace(photo.kind)) {
    faces.push({ no: faces.length + 1, photo, doc, copies });
    return;
  }
  const same = (group: Group) => group.grant?.seal === doc.photo?.seal && group.grant?.user === doc.photo?.user;
  let group = groups.find((one) => same(one) && one.sealUse.businessId === doc.photo?.businessId) ?? groups.find(same);
  group ??= groups.find((one) => !one.grant);
  if (!group) {
    const sealUse = sealUses[0];
    if (!sealUse) return;
    group = { sealUse, tiles: [], rest: 0 };
    groups.push(group);
  }
  group.tiles.push({ no: group.tiles.length + 1, photo, doc, copies });
  group.rest = Math.max(0, group.rest);
}

export function isPicture(doc: Doc): boolean {
  return doc.undecodable === null && doc.mime.startsWith("image/");
}
