// Flows in every state that the pages show, made once for a worker.
import type { House } from "./house";

export interface Scenes {
  waiting: string;
  using: string;
  collecting: string;
  ready: string;
  archived: string;
  rejected: string;
  local: string;
}

const made = new WeakMap<House, Promise<Scenes>>();

export function scenes(house: House): Promise<Scenes> {
  const known = made.get(house) ?? make(house);
  made.set(house, known);
  return known;
}

/** Flows in which something went wrong. */
export interface Troubles {
  /** The vendor refused the application. */
  refused: string;
  /** A photo that the vendor has not confirmed. */
  unconfirmed: string;
  /** It can be archived, and lacks a photo. */
  short: string;
}

const troubled = new WeakMap<House, Promise<Troubles>>();

export function troubles(house: House): Promise<Troubles> {
  const known = troubled.get(house) ?? makeTroubles(house);
  troubled.set(house, known);
  return known;
}

async function makeTroubles(house: House): Promise<Troubles> {
  const refused = await house.startFlow("印章已停用的申请", 1);
  const fault = { kind: "jsonError", code: 1000001, message: "印章已停用" };
  await house.vendorControl("/faults", { target: "apply", fault, times: 1 });
  await house.approve(refused);
  await house.until("the application is refused", async () =>
    (await house.flow<{ trouble: string[] }>(refused)).trouble.includes("application_failed"),
  );
  const unconfirmed = await house.startFlow("推送图片的合同", 2);
  await house.approve(unconfirmed);
  const business = await house.business(unconfirmed);
  await house.stamp(business, 1);
  await house.pushPicture(business);
  const short = await house.startFlow("缺一张图片的合同", 1, "local");
  await house.approve(short);
  await house.stamp(await house.business(short), 1, 0, { signatory: 0 });
  return { refused, unconfirmed, short };
}

const PDF = "%PDF-1.7\n1\n%%EOF\n";

export async function bringStampedFile(house: House, flow: string): Promise<void> {
  const form = new FormData();
  form.append("file", new Blob([PDF], { type: "application/pdf" }), "合同-已盖章.pdf");
  const cookie = await house.login("wang");
  const answer = await fetch(`${house.base}/api/flows/${flow}/fields/stamped/files`, {
    method: "POST",
    headers: { cookie },
    body: form,
  });
  if (!answer.ok) throw new Error(await answer.text());
}

async function make(house: House): Promise<Scenes> {
  const archived = await house.startFlow("保密协议：海川咨询", 4);
  await house.approve(archived);
  await house.stamp(await house.business(archived), 4, 0, { face: 1 });
  await house.until("it is ready", async () => (await house.flow<{ phase: string }>(archived)).phase === "ready");
  await bringStampedFile(house, archived);
  await house.until("it is archived", async () => (await house.flow<{ state: string }>(archived)).state === "archived");

  const ready = await house.startFlow("投标文件：城北物流园二期", 2);
  await house.approve(ready);
  await house.stamp(await house.business(ready), 2);
  await house.until("it is ready", async () => (await house.flow<{ phase: string }>(ready)).phase === "ready");

  const rejected = await house.startFlow("付款申请单 11 月第 3 批");
  await house.api("li", "POST", `/api/flows/${rejected}/reject`, {
    comment: "金额与合同不一致，请核对。",
  });

  const local = await house.startFlow("房屋租赁合同补充协议", 2, "local");
  await house.approve(local);
  await house.stamp(await house.business(local), 2);
  await house.until("its photos are here", async () => {
    const flow = await house.flow<{
      counts: { received: number; missing: number } | null;
    }>(local);
    return flow.counts?.received === 2;
  });

  const collecting = await house.startFlow("年度采购框架合同（华东区）", 6);
  await house.approve(collecting);
  const business = await house.business(collecting);
  await house.stamp(business, 4);
  // The vendor has lost one photo, and the box counts a stamping without a photo.
  await house.stampAndLose(business);
  await house.stamp(business, 1, 0, { signatory: 0 });
  await house.until("a photo is missing", async () => {
    const flow = await house.flow<{
      counts: { missing: number } | null;
      phase: string;
    }>(collecting);
    return flow.phase === "collecting" && (flow.counts?.missing ?? 0) > 0;
  });

  const using = await house.startFlow("授权委托书：设备验收", 3);
  await house.approve(using);
  await house.stamp(await house.business(using), 1);
  const waiting = await house.startFlow("银行开户申请");
  return { waiting, using, collecting, ready, archived, rejected, local };
}
