import { afterEach, expect, it } from "vitest";
import { keys } from "@/api/keys";
import { queries } from "@/api/queries";
import {
  button,
  FLOW,
  flowView,
  grant,
  ingestView,
  json,
  later,
  problem,
  said,
  sealUse,
  settle,
  stage,
  strike,
} from "../../tests/stage";
import IngestPage from "./IngestPage.vue";
import type { Photo } from "./flow";

afterEach(strike);

const photo = (id: string, facts: Partial<Photo>): Photo =>
  ({
    id,
    photokey: id,
    kind: "signatory",
    grantId: "grant-1",
    user: "王五",
    username: "wang",
    employeeNo: null,
    confirmation: "confirmed",
    attempts: 0,
    error: null,
    documentId: null,
    blake3: null,
    suppliedBy: null,
    suppliedAt: null,
    state: "done",
    ...facts,
  }) as Photo;
const lost = photo("p2", {
  state: "failed",
  attempts: 12,
  error: { code: "vendor_status", detail: "the vendor answered HTTP 404", at: "2026-11-27T02:00:00Z" } as never,
});
const parked = ingestView({
  state: "failed",
  expected: 2,
  received: 1,
  failed: 1,
  bytes: 28_400_000,
  photos: [photo("p1", { documentId: "doc-1" }), lost],
});
const uses = [sealUse({ ingestId: "ingest-1", grants: [grant({ counted: 2, received: 1, missing: 1 })] })];

async function show(retry: () => Response | Promise<Response>) {
  const flow = flowView({ phase: "collecting", sealUses: uses });
  const reply = (request: Request) => {
    const path = new URL(request.url).pathname;
    if (request.method !== "GET") return retry();
    return path.startsWith("/api/ingests/") ? json(parked) : json(flow);
  };
  const shown = await stage(IngestPage, { flow, props: { id: FLOW, ingestId: "ingest-1" }, reply });
  await queries.fetchQuery({ queryKey: keys.ingest("ingest-1") }).catch(() => undefined);
  await settle();
  return shown;
}

it("an ingest that has stopped says that it needs a person, what is missing, and how often it was tried", async () => {
  await show(() => json({}));
  const words = document.body.textContent ?? "";
  expect(words).toContain("已停止自动重试，需要人工处理");
  expect(words).toContain("停止 1");
  expect(words).not.toContain("自动继续");
  const row = document.querySelector("tbody tr")?.textContent ?? "";
  expect(row).toContain("公章 第 2 张");
  expect(row).toContain("已停止");
  expect(row).toContain("第 12 次");
  expect(row).toContain("the vendor answered HTTP 404");
  // By its row a person tries again, or brings the photo.
  expect(row).toContain("重试");
  expect(row).toContain("补传");
});

it("it is tried again once, by the button of the page as by that of a row, and a refusal is said", async () => {
  const line = later();
  const { writes } = await show(() => line.answer);
  const row = [...document.querySelectorAll<HTMLButtonElement>("tbody button")].find(
    (one) => one.textContent?.trim() === "重试",
  )!;
  row.click();
  button("立即重试").click();
  await settle();
  expect(writes.map(({ method, path }) => [method, path])).toEqual([["POST", "/api/ingests/ingest-1/retry"]]);
  expect(row.disabled).toBe(true);
  line.give(problem(409, "not_now", "it runs"));
  await settle();
  expect(said()).toContain("现在不能执行：it runs");
  expect(row.disabled).toBe(false);
});
