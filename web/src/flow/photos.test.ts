import { describe, expect, it } from "vitest";
import type { Schemas } from "@/api/client";
import { arrange } from "./photos";

type Photo = Schemas["PhotoView"];
const grant = (id: string, seal: string, missing: number) =>
  ({
    id,
    seal,
    deviceNo: null,
    user: "王五",
    used: 3,
    left: 0,
    authorised: 3,
    counted: 3,
    received: 3 - missing,
    missing,
    complete: false,
  }) as Schemas["GrantView"];
const sealUse = (grants: Schemas["GrantView"][]) =>
  ({
    id: "u",
    businessId: "b",
    serialNo: "s",
    status: "complete",
    grants,
    ingestId: "i",
    superseded: false,
    error: null,
    authorised: 0,
    counted: 0,
    received: 0,
    missing: 0,
  }) as Schemas["SealUseView"];
const photo = (
  grantId: string | null,
  state: Photo["state"],
  documentId: string | null,
  kind: Photo["kind"] = "signatory",
) => ({ photokey: "k", kind, grantId, state, attempts: 0, error: null, documentId, blake3: null }) as Photo;
const doc = (id: string, seal: string, kind = "signatory") =>
  ({
    id,
    blake3: id,
    bytes: 10,
    mime: "image/jpeg",
    undecodable: null,
    photo: { photoId: id, photokey: null, kind, seal, user: "王五", businessId: "b", no: 1 },
  }) as Schemas["Document"];
const ingest = (photos: Photo[]) => ({ id: "i", photos }) as Schemas["IngestView"];

describe("photos by grant", () => {
  it("keep the place of a photo that is missing", () => {
    const photos = [photo("g", "done", "d1"), photo("g", "waiting", null), photo("g", "done", "d2")];
    const { groups } = arrange(
      [sealUse([grant("g", "公章", 1)])],
      [ingest(photos)],
      [doc("d1", "公章"), doc("d2", "公章")],
    );
    expect(groups[0]!.tiles.map((tile) => [tile.no, tile.doc?.id])).toEqual([
      [1, "d1"],
      [2, undefined],
      [3, "d2"],
    ]);
    expect(groups[0]!.rest).toBe(0);
  });
  it("say how many are missing without a place", () => {
    const { groups } = arrange(
      [sealUse([grant("g", "公章", 2)])],
      [ingest([photo("g", "done", "d1"), photo("g", "queued", null)])],
      [doc("d1", "公章")],
    );
    expect(groups[0]!.rest).toBe(1);
  });
  it("put face photos apart", () => {
    const photos = [photo("g", "done", "d1"), photo("g", "done", "f1", "face")];
    const { groups, faces, bytes } = arrange(
      [sealUse([grant("g", "公章", 0)])],
      [ingest(photos)],
      [doc("d1", "公章"), doc("f1", "公章", "face")],
    );
    expect([groups[0]!.tiles.length, faces.length, bytes]).toEqual([1, 1, 20]);
  });
  it("put photos of an unknown kind with the faces, and fill no gap with an unconfirmed one", () => {
    const photos = [
      photo("g", "done", "d1"),
      photo("g", "unconfirmed", "d2"),
      photo(null, "unconfirmed", null, "unknown"),
    ];
    const { groups, faces } = arrange(
      [sealUse([grant("g", "公章", 1)])],
      [ingest(photos)],
      [doc("d1", "公章"), doc("d2", "公章")],
    );
    expect([groups[0]!.tiles.length, groups[0]!.rest, faces.length]).toEqual([2, 1, 1]);
  });
  it("show documents before the ingest was read", () => {
    const uses = [sealUse([grant("g", "公章", 0), grant("h", "合同专用章", 0)])];
    const { groups, docs } = arrange(uses, [], [doc("d1", "合同专用章"), doc("d2", "公章")]);
    expect(groups.map((group) => group.tiles.map((tile) => tile.doc!.id))).toEqual([["d2"], ["d1"]]);
    expect(docs).toHaveLength(2);
  });

  it("say how many stampings have one content", () => {
    const same = { ...doc("d2", "公章"), blake3: "d1" };
    const photos = ["d1", "d2", "d3"].map((id) => photo("g", "done", id));
    const { groups } = arrange(
      [sealUse([grant("g", "公章", 0)])],
      [ingest(photos)],
      [doc("d1", "公章"), same, doc("d3", "公章")],
    );
    expect(groups[0]!.tiles.map((tile) => tile.copies)).toEqual([2, 2, 1]);
  });
});
