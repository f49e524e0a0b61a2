// A real API server over the wire, and what must hold whatever it is sent.
import { decodeProtobuf } from "@knots/api";
import { ApiServer } from "@knots/apiserver";
import { builtInPrefix, customPrefix } from "@knots/apiserver/registry/keys";
import { canonicalJson, RealClock } from "@knots/machinery";
import { openMemoryStore, type Store } from "@knots/store";
import { parse as parseYaml } from "yaml";
import { Defects, errorLogger, originOf } from "./defects.ts";
import { GIZMOS } from "./gizmos.ts";
import { Random } from "./random.ts";
import { NAMESPACE } from "../objects.ts";
import { makeRequest } from "./requests.ts";
import { collectionPath, targets, type Target } from "./targets.ts";
import { WireClient, type WireAnswer, type WireRequest } from "./wire-client.ts";

type Json = Record<string, unknown> & { metadata?: Record<string, unknown> };

const JSON_TYPE = "application/json";
/** Objects whose rules hold for others: they are put back at once. */
const FAR_REACHING =
  /^(namespaces|nodes|resourcequotas|limitranges|.*webhookconfigurations|.*admissionpolic.*|customresourcedefinitions|apiservices|flowschemas|prioritylevelconfigurations|clusterroles|clusterrolebindings|storageclasses|priorityclasses|servicecidrs)$/;
/** Answers of upstream's own with a status of 500 and above. */
const UPSTREAMS_OWN =
  /^((Internal error occurred: )?resourceVersion should not be set on objects to be created|failed to (convert|create typed|prune)|.*(field not declared in schema|expected (map|list|numeric|boolean|string|any scalar)|duplicate entries for key|element \d+: )|errors:|failed calling webhook|Timeout: Too large resource version|unknown patch type: |merging lists cannot yet be|map: map\[.* does not contain declared merge key|expected a (\[\]|map\[string\])interface \{\}, but received|The order in patch list:|resourceVersion: Invalid value: .*strconv\.ParseUint)/s;
/** Rules of an object's status that upstream, too, looks at only when the object itself is written. */
const NOT_CHECKED_IN_STATUS = /status\.storedVersions/;
const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);

export class FuzzServer implements AsyncDisposable {
  readonly defects: Defects;
  readonly statuses = new Map<number, number>();
  requests = 0;
  #input = "";
  readonly #random: Random;
  readonly #targets = targets();
  readonly #parts: AsyncDisposableStack;
  readonly #store: Store;
  readonly #client: WireClient;

  private constructor(seed: number, defects: Defects, parts: AsyncDisposableStack, store: Store, client: WireClient) {
    this.#random = new Random(seed);
    this.defects = defects;
    this.#parts = parts;
    this.#store = store;
    this.#client = client;
  }

  static async start(seed: number, defects = new Defects()): Promise<FuzzServer> {
    await using parts = new AsyncDisposableStack();
    const clock = new RealClock();
    const store = parts.use(openMemoryStore({ clock }));
    const made: { fuzz?: FuzzServer } = {};
    const logger = errorLogger((text, error) => {
      const stack = error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error);
      defects.add(originOf(error), { what: text, detail: stack, input: made.fuzz?.input ?? "" });
    });
    const server = parts.use(new ApiServer({ store, securePort: 0, bindAddress: "127.0.0.1", clock, logger }));
    await server.start();
    const client = parts.use(new WireClient(server.loopbackConfig));
    const fuzz = new FuzzServer(seed, defects, parts.move(), store, client);
    made.fuzz = fuzz;
    await fuzz.#prepare();
    return fuzz;
  }

  /** What was sent last, to be read by a person. */
  get input(): string {
    return this.#input;
  }

  async #prepare(): Promise<void> {
    await this.#must("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } });
    await this.#must("POST", `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, { metadata: { name: "default" } });
    await this.#must("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", GIZMOS);
    const deadline = 500;
    for (let tries = 0; (await this.#json("GET", "/apis/example.com/v1/gizmos")).status !== 200; tries++) {
      if (tries === deadline) throw new Error("the custom resource is not served");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const target of this.#targets) if (target.verbs.includes("get")) await this.#reset(target);
  }

  /** Sends `count` requests, one after the other, and checks after each. */
  async run(count: number): Promise<void> {
    for (let left = count; left > 0; left--) await this.#step(this.#random.pick(this.#targets));
  }

  async #step(target: Target): Promise<void> {
    const random = this.#random;
    const stored = target.verbs.includes("get");
    const base = `${collectionPath(target, NAMESPACE)}/${target.base}`;
    const current = stored ? (await this.#json("GET", base)).body : undefined;
    const request = makeRequest(random, target, current);
    this.#input = describe(request);
    const before = WRITES.has(request.method) ? await this.#fingerprint(target) : "";
    const answer = await this.#send(request);
    this.#checkAnswer(request, answer);
    if (!stored) return;
    if (WRITES.has(request.method)) {
      const changed = (await this.#fingerprint(target)) !== before;
      if (answer.status >= 400 && changed && request.method !== "DELETE")
        this.#defect(`refused and stored: ${target.resource}`, `the answer was ${answer.status}`);
      if (changed) await this.#checkStored(target, request.method === "POST" ? nameIn(answer) : target.base);
      await this.#remove(target, request.method === "POST" ? nameIn(answer) : "");
      if (changed && (random.chance(0.3) || FAR_REACHING.test(target.resource))) await this.#reset(target);
      else if ((await this.#json("GET", base)).status === 404) await this.#reset(target);
    }
  }

  #checkAnswer(request: WireRequest, answer: WireAnswer): void {
    const { status, type, bytes } = answer;
    this.requests++;
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (status < 400 || request.method === "HEAD" || isUnknownPath(answer)) return;
    const body = parsed(answer);
    if (body === undefined || body["kind"] !== "Status" || body["code"] !== status || body["status"] !== "Failure") {
      this.#defect(`${status} without a Status`, `${type}: ${bytes.toString("utf8").slice(0, 300)}`);
      return;
    }
    const message = String(body["message"]);
    if (status >= 500 && !UPSTREAMS_OWN.test(message))
      this.#defect(`${status} ${message.replaceAll(/\d+|"[^"]*"/g, "…").slice(0, 60)}`, message);
  }

  /** What is stored can be read in every form, and written back as it is. */
  async #checkStored(target: Target, name: string): Promise<void> {
    const path = `${collectionPath(target, NAMESPACE)}/${encodeURIComponent(name)}`;
    const read = await this.#json("GET", path);
    if (read.status === 404) return;
    if (read.status !== 200 || read.body === undefined) {
      this.#defect(`cannot be read: ${target.resource}`, `GET ${path} is answered with ${read.status}`);
      return;
    }
    for (const accept of ["application/json;as=Table;v=v1;g=meta.k8s.io", "application/yaml", ...protobufOf(target)]) {
      const answer = await this.#send({ method: "GET", path, headers: { accept } });
      if (answer.status !== 200) this.#defect(`cannot be read as ${accept}: ${target.resource}`, String(answer.bytes));
      else if (accept.endsWith("protobuf")) this.#checkProtobuf(target, answer.bytes, read.body);
    }
    const again = await this.#json("PUT", path, read.body);
    if (again.status !== 200) {
      if (NOT_CHECKED_IN_STATUS.test(first(again.body))) return;
      const detail = JSON.stringify([again.body?.["message"], read.body]);
      this.#defect(`cannot be written back: ${target.resource} ${first(again.body)}`, detail);
    } else if (target.kind === "HorizontalPodAutoscaler" && target.version === "v1") {
      // It cannot say every metric that v2 can, and has a default for those that it cannot say.
    } else if (again.body?.metadata?.["resourceVersion"] !== read.body.metadata?.["resourceVersion"])
      this.#defect(`changes when written back: ${target.resource}`, JSON.stringify([read.body, again.body]));
  }

  #checkProtobuf(target: Target, bytes: Uint8Array, json: Json): void {
    const { uid, name, labels } = json.metadata ?? {};
    const meta = (decodeProtobuf(bytes) as Json).metadata ?? {};
    if (
      meta["uid"] !== uid ||
      meta["name"] !== name ||
      canonicalJson(meta["labels"] ?? {}) !== canonicalJson(labels ?? {})
    )
      this.#defect(`differs in protobuf: ${target.resource}`, JSON.stringify([json.metadata, meta]));
  }

  /** Keys and revisions of a resource's objects as the store has them. */
  async #fingerprint({ group, resource }: Target): Promise<string> {
    const prefix = group === "example.com" ? customPrefix(group, resource) : builtInPrefix({ group, resource });
    const { kvs } = await this.#store.range(prefix);
    return kvs.map(({ key, modRevision }) => `${key}@${modRevision}`).join();
  }

  /** The first object as it was in the beginning. */
  async #reset(target: Target): Promise<void> {
    await this.#remove(target, target.base);
    const path = collectionPath(target, NAMESPACE);
    const body = { ...target.body, metadata: { name: target.base } };
    let made = await this.#json("POST", path, body);
    if (made.status === 404 || made.status === 403 || made.status === 422) {
      // Something that was let in stands in the way of others.
      this.#note(made, target);
      made = await this.#json("POST", path, body);
    }
    if (made.status >= 400 && made.status !== 409) this.#note(made, target);
  }

  #note({ status, body }: { status: number; body: Json | undefined }, { resource }: Target): void {
    this.#defect(`no ${resource} can be made any more: ${status}`, JSON.stringify(body));
  }

  async #remove(target: Target, name: string): Promise<void> {
    if (name === "") return;
    const path = `${collectionPath(target, NAMESPACE)}/${encodeURIComponent(name)}`;
    for (let tries = 0; tries < 3; tries++) {
      const gone = await this.#json("DELETE", path, {
        kind: "DeleteOptions",
        apiVersion: "v1",
        gracePeriodSeconds: 0,
        propagationPolicy: "Background",
      });
      if (gone.status === 404) return;
      const after = await this.#json("GET", path);
      if (after.status === 404 || after.body === undefined) return;
      const freed = { ...after.body, metadata: { ...after.body.metadata, finalizers: [] } };
      await this.#json("PUT", path, freed);
      if (target.resource === "namespaces")
        await this.#json("PUT", `${path}/finalize`, { ...freed, spec: { finalizers: [] } });
    }
  }

  async #must(method: string, path: string, body: object): Promise<void> {
    const { status, body: answer } = await this.#json(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path} was answered with ${status}: ${JSON.stringify(answer)}`);
  }

  async #json(method: string, path: string, body?: object): Promise<{ status: number; body: Json | undefined }> {
    const answer = await this.#send({
      method,
      path,
      headers: { accept: JSON_TYPE, ...(body === undefined ? {} : { "content-type": JSON_TYPE }) },
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    });
    return { status: answer.status, body: parsed(answer) };
  }

  async #send(request: WireRequest): Promise<WireAnswer> {
    return await this.#client.send(request);
  }

  #defect(what: string, detail: string): void {
    this.defects.add(what, { what, detail, input: this.#input });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

function protobufOf({ schema }: Target): string[] {
  return schema === undefined ? [] : ["application/vnd.kubernetes.protobuf"];
}

function first(body: Json | undefined): string {
  return textOf(body?.["message"])
    .replaceAll(/\d+|"[^"]*"/g, "…")
    .slice(0, 160);
}

function nameIn(answer: WireAnswer): string {
  const body = parsed(answer);
  return answer.status < 300 ? textOf(body?.metadata?.["name"]) || "made" : "made";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Go's words for a path of which no part is served. */
function isUnknownPath({ status, type, bytes }: WireAnswer): boolean {
  return status === 404 && type.startsWith("text/plain") && bytes.toString("utf8") === "404 page not found\n";
}

function parsed({ type, bytes }: WireAnswer): Json | undefined {
  if (bytes.length === 0) return undefined;
  if (type.startsWith(JSON_TYPE)) return JSON.parse(bytes.toString("utf8")) as Json;
  if (type.startsWith("application/yaml")) return parseYaml(bytes.toString("utf8"), { version: "1.1" }) as Json;
  return type.startsWith("application/vnd.kubernetes.protobuf") ? (decodeProtobuf(bytes) as Json) : undefined;
}

function describe({ method, path, headers, body }: WireRequest): string {
  const text = body === undefined ? "" : Buffer.from(body).toString("utf8").slice(0, 3000);
  return `${method} ${path} ${JSON.stringify(headers)}\n${text}`;
}
