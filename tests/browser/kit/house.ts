// The real program on data of its own, and a simulated vendor. Both are reached only over TCP.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Engine = "sqlite" | "postgres";
export const PASSWORD = "browser-test-1";
const ROOT = new URL("../../..", import.meta.url).pathname;
const PROGRAM = process.env.YINKU_PROGRAM ?? join(ROOT, "target/debug/yinku");
/** The environment without settings of the service. */
const OUTSIDE = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("YINKU_")));
const TOKEN = "demoToken01";
const SECRET = "demoSecret-0123456789abcdef";
const CALLBACK_SECRET = "browser-callback-secret-1";
/** A PNG of 8 × 6 pixels. */
const PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAAEUlEQVR42mM4ERWAFTEMpAQAa2JFYUXY3m0AAAAASUVORK5CYII=";

/** Username, name, role, employee number. The manager of zhang is li. */
export const PEOPLE = [
  ["li", "李四", "member", "E1002"],
  ["zhang", "张三", "member", "E1001"],
  ["wang", "王五", "operator", "E1003"],
  ["qian", "钱七", "member", "E1006"],
  ["sun", "孙八", "auditor", "E1005"],
] as const;
export type Person = (typeof PEOPLE)[number][0] | "admin";

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

async function until(what: string, fact: () => Promise<boolean>, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    if (await fact().catch(() => false)) return;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class House {
  private service?: ChildProcess;
  private vendor?: ChildProcess;
  private readonly dir = mkdtempSync(join(tmpdir(), "yinku-browser-"));
  private tokens = new Map<string, string>();
  private output: string[] = [];
  vendorUrl = "";
  base = "";
  /** The flow types: photos into a field, photos to the own machine, two approvers. */
  definitions = { field: "", local: "", pair: "" };
  serviceId = "";

  private constructor(
    readonly engine: Engine,
    private readonly port: number,
    private readonly database: string,
    private readonly settings: Record<string, string>,
  ) {}

  static async open(engine: Engine, settings: Record<string, string> = {}, host = "127.0.0.1"): Promise<House> {
    const house = new House(engine, await freePort(), `browser_${process.pid}_${Date.now()}`, settings);
    house.base = `http://${host}:${house.port}`;
    if (engine === "postgres") {
      const url = process.env.YINKU_TEST_PG;
      if (!url) throw new Error("YINKU_TEST_PG is not set. Run the tests by scripts/with-services.");
      execFileSync("psql", [url, "-qc", `CREATE DATABASE ${house.database}`]);
    }
    const vendorPort = await freePort();
    house.vendorUrl = `http://127.0.0.1:${vendorPort}`;
    house.vendor = house.run(
      ["simulator", "--listen", `127.0.0.1:${vendorPort}`, "--token", TOKEN, "--secret", SECRET],
      {},
    );
    await until("the vendor answers", async () => (await fetch(`${house.vendorUrl}/_sim/knobs`)).ok);
    await house
      .vendorControl("/knobs", { photo: { megapixelsMin: 0.1, megapixelsMax: 0.2 } }, "PATCH")
      .catch(() => undefined);
    await house.start();
    await house.furnish();
    return house;
  }

  private run(args: string[], env: Record<string, string>): ChildProcess {
    const child = spawn(PROGRAM, args, {
      cwd: this.dir,
      env: { ...OUTSIDE, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (bytes: Buffer) => {
        this.output.push(bytes.toString());
        if (this.output.length > 400) this.output.shift();
      });
    }
    return child;
  }

  /** What the program wrote last, for a failed test. */
  log(): string {
    return this.output.join("").slice(-8000);
  }

  async start(): Promise<void> {
    const pg = (process.env.YINKU_TEST_PG ?? "").replace(/\/[^/]*$/, `/${this.database}`);
    this.service = this.run(["serve"], {
      YINKU_LISTEN: `127.0.0.1:${this.port}`,
      YINKU_PUBLIC_URL: this.base,
      YINKU_DATA_DIR: join(this.dir, "data"),
      YINKU_ADMIN__PASSWORD: PASSWORD,
      YINKU_CALLBACK__SECRET: CALLBACK_SECRET,
      YINKU_JOBS__LEASE: "2s",
      // While a seal is in use only a poll shows what the box has counted.
      YINKU_INGEST__POLL_OPEN: "1s",
      YINKU_INGEST__DOWNLOAD_PATIENCE: "2s",
      ...(this.engine === "postgres" ? { YINKU_DATABASE__URL: pg } : {}),
      ...this.settings,
    });
    const answers = async () => (await fetch(`http://127.0.0.1:${this.port}/healthz`)).ok;
    // A busy machine compiles beside the tests.
    await until("the service answers", answers, 90).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.log()}`);
    });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.service;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  async close(): Promise<void> {
    await this.stop("SIGKILL");
    this.vendor?.kill("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The session cookie of a person. */
  async login(person: string): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: person, password: PASSWORD }),
    });
    if (!answer.ok) throw new Error(`${person} cannot log in: ${await answer.text()}`);
    return answer.headers
      .getSetCookie()
      .map((cookie) => cookie.split(";")[0]!)
      .join("; ");
  }

  /** A request of a person, beside the browser. */
  async api<T = Record<string, unknown>>(person: Person, method: string, path: string, body?: unknown): Promise<T> {
    let token = this.tokens.get(person);
    if (!token) {
      const cookie = await this.login(person);
      const made = await this.send("POST", "/api/tokens", { cookie }, { name: "browser tests" });
      token = ((await made.json()) as { token: string }).token;
      this.tokens.set(person, token);
    }
    const answer = await this.send(method, path, { authorization: `Bearer ${token}` }, body);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }

  /** A new member, for a story that changes its login. */
  async newcomer(
    username: string,
    displayName: string,
    password: string,
    mustChange: boolean,
  ): Promise<{ mustChange: boolean }> {
    const body = { username, displayName, password, roles: ["member"], mustChange };
    return this.api("admin", "POST", "/api/users", body);
  }

  private send(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<Response> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...content,
    });
  }

  async vendorControl<T = Record<string, unknown>>(path: string, body?: unknown, method = "POST"): Promise<T> {
    const content =
      body === undefined
        ? {}
        : {
            body: JSON.stringify(body),
            headers: { "content-type": "application/json" },
          };
    const answer = await fetch(`${this.vendorUrl}/_sim${path}`, {
      method: body === undefined && method === "POST" ? "GET" : method,
      ...content,
    });
    if (!answer.ok) throw new Error(`the vendor refuses ${path}: ${await answer.text()}`);
    return (await answer.json().catch(() => ({}))) as T;
  }

  private async furnish(): Promise<void> {
    for (const [username, displayName, role, employeeNo] of PEOPLE) {
      const manager = username === "zhang" ? { manager: "li" } : {};
      await this.api("admin", "POST", "/api/users", {
        username,
        displayName,
        password: PASSWORD,
        roles: [role],
        employeeNo,
        ...manager,
      });
    }
    const service = {
      name: "契约锁",
      baseUrl: this.vendorUrl,
      appToken: TOKEN,
      appSecret: SECRET,
    };
    this.serviceId = (await this.api<{ id: string }>("admin", "POST", "/api/services", service)).id;
    const ready = (await this.api<{ items: Definition[] }>("admin", "GET", "/api/definitions/ready-made")).items[0]!;
    const make = async (change: (body: Definition) => void) => {
      const body = structuredClone(ready);
      body.integration.serviceId = this.serviceId;
      change(body);
      return (await this.api<{ id: string }>("admin", "POST", "/api/definitions", body)).id;
    };
    this.definitions.pair = await make((body) => {
      body.name = "双人审批用印";
      body.nodes[0]!.assignees = ["user:li", "user:qian"];
      body.nodes[0]!.mode = "any";
    });
    this.definitions.local = await make((body) => {
      body.name = "用印（下载到本地）";
      delete body.integration.downloadField;
      body.integration.archive = "manual";
      body.fields = body.fields.filter((field) => field.key !== "photos");
      body.fields.find((field) => field.key === "stamped")!.required = false;
    });
    // As it is ready-made: the stamped file is required.
    this.definitions.field = await make(() => undefined);
  }

  /** A flow that zhang starts. */
  async startFlow(subject: string, uses = 2, definition: keyof House["definitions"] = "field"): Promise<string> {
    const form = {
      subject,
      company: "上海印库科技有限公司",
      seals: [{ seal: "QYS2019040001", count: uses, users: ["wang"] }],
    };
    return (
      await this.api<{ id: string }>("zhang", "POST", "/api/flows", {
        definitionId: this.definitions[definition],
        form,
      })
    ).id;
  }

  approve(flow: string): Promise<unknown> {
    return this.api("li", "POST", `/api/flows/${flow}/approve`, {
      comment: "同意",
    });
  }

  /** The business at the vendor, once the vendor has taken the application. */
  async business(flow: string): Promise<string> {
    let found = "";
    await until("the vendor has the application", async () => {
      const view = await this.api<{
        sealUses: { businessId: string | null }[];
      }>("admin", "GET", `/api/flows/${flow}`);
      found = view.sealUses.at(-1)?.businessId ?? "";
      return found !== "";
    });
    return found;
  }

  stamp(business: string, count = 1, auth = 0, rest: object = {}): Promise<unknown> {
    return this.vendorControl(`/businesses/${business}/stamp`, {
      auth,
      count,
      ...rest,
    });
  }

  /** A callback brings a picture that the vendor shows nowhere. */
  async pushPicture(business: string): Promise<void> {
    const form = new FormData();
    form.append("businessId", business);
    form.append("images", new Blob([Buffer.from(PICTURE, "base64")], { type: "image/png" }), "1.png");
    const path = `/papi/signcenter/qiyuesuo/categoryCallback?key=${CALLBACK_SECRET}`;
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, { method: "POST", body: form });
    if (!answer.ok) throw new Error(`the callback is refused: ${await answer.text()}`);
  }

  private lost: string[] = [];

  /** Stamps once. The vendor lists the photo, and answers 404 when it is fetched. */
  async stampAndLose(business: string): Promise<void> {
    const fault = { target: "image", fault: { kind: "status", status: 404 } };
    // From before the stamping, because the service fetches at once.
    await this.vendorControl("/faults", fault);
    await this.stamp(business, 1);
    const { photos } = await this.vendorControl<{ photos: { photokey: string }[] }>(`/businesses/${business}`);
    this.lost.push(photos.at(-1)?.photokey ?? "");
    await this.vendorControl("/faults", undefined, "DELETE");
    await this.vendorControl("/faults", { ...fault, photokeys: this.lost });
  }

  /** The vendor has found the photo that was lost last. */
  async findAgain(): Promise<void> {
    this.lost.pop();
    await this.vendorControl("/faults", undefined, "DELETE");
    if (this.lost.length === 0) return;
    const fault = { target: "image", fault: { kind: "status", status: 404 } };
    await this.vendorControl("/faults", { ...fault, photokeys: this.lost });
  }

  async flow<T = Record<string, unknown>>(id: string): Promise<T> {
    return this.api<T>("admin", "GET", `/api/flows/${id}`);
  }

  until(what: string, fact: () => Promise<boolean>): Promise<void> {
    return until(what, fact);
  }
}

interface Definition {
  name: string;
  fields: { key: string; required?: boolean }[];
  nodes: { assignees: string[]; mode?: string }[];
  integration: { serviceId: string; downloadField?: string; archive?: string };
}
