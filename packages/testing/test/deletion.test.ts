// Deletion against a real API server: owners and what they own, namespaces and what is in them.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ApiServer } from "@knots/apiserver";
import { configMaps, namespaces, secrets } from "@knots/api/core/v1";
import { Client } from "@knots/client";
import { ControllerManager } from "@knots/controllers";
import { isNotFound, nullLogger, RealClock } from "@knots/machinery";
import { openMemoryStore } from "@knots/store";

const clock = new RealClock();
const store = openMemoryStore();
const server = new ApiServer({ store, securePort: 0, bindAddress: "127.0.0.1", clock, logger: nullLogger });
let client: Client;
let manager: ControllerManager;

beforeAll(async () => {
  await server.start();
  client = new Client(server.loopbackConfig, { clock, logger: nullLogger });
  const controllers = ["garbage-collector-controller", "namespace-controller"];
  manager = new ControllerManager({ client, clock, logger: nullLogger, controllers });
  await manager.start();
});
afterAll(async () => {
  await manager[Symbol.asyncDispose]();
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const maps = () => client.resource(configMaps, "default");
async function make(name: string, owner?: { name: string; uid: string; block?: boolean }): Promise<string> {
  const ownerReferences =
    owner === undefined
      ? []
      : [
          {
            apiVersion: "v1",
            kind: "ConfigMap",
            name: owner.name,
            uid: owner.uid,
            blockOwnerDeletion: owner.block === true,
          },
        ];
  const made = await maps().create({ metadata: { name, ownerReferences } });
  return made.metadata?.uid ?? "";
}
async function exists(name: string): Promise<boolean> {
  try {
    await maps().get(name);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
const until = async (check: () => Promise<unknown>): Promise<void> => {
  await vi.waitFor(async () => expect(await check()).toBe(true), { timeout: 15_000, interval: 20 });
};

test("in the background: dependents go after their owner, down the line", async () => {
  const a = await make("a");
  const b = await make("b", { name: "a", uid: a });
  await make("c", { name: "b", uid: b });
  await maps().delete("a", { propagationPolicy: "Background" });
  expect(await exists("a")).toBe(false);
  await until(async () => !(await exists("b")) && !(await exists("c")));
});

test("in the foreground: the owner goes last", async () => {
  const uid = await make("owner");
  await make("dependent", { name: "owner", uid, block: true });
  await maps().patch("dependent", { metadata: { finalizers: ["example.com/hold"] } }, { type: "merge" });
  await maps().delete("owner", { propagationPolicy: "Foreground" });
  await until(async () => (await maps().get("dependent")).metadata?.deletionTimestamp !== undefined);
  expect((await maps().get("owner")).metadata?.finalizers).toEqual(["foregroundDeletion"]);
  await maps().patch("dependent", { metadata: { finalizers: null } }, { type: "merge" });
  await until(async () => !(await exists("owner")) && !(await exists("dependent")));
});

test("orphaned: dependents stay and have no owner", async () => {
  const uid = await make("parent");
  await make("child", { name: "parent", uid });
  await maps().delete("parent", { propagationPolicy: "Orphan" });
  await until(async () => !(await exists("parent")));
  expect((await maps().get("child")).metadata?.ownerReferences ?? []).toEqual([]);
});

test("in the foreground: a circle of owners does not wait for itself", async () => {
  const one = await make("one");
  const two = await make("two", { name: "one", uid: one, block: true });
  const three = await make("three", { name: "two", uid: two, block: true });
  const owner = { apiVersion: "v1", kind: "ConfigMap", name: "three", uid: three, blockOwnerDeletion: true };
  await maps().patch("one", { metadata: { ownerReferences: [owner] } }, { type: "merge" });
  await maps().delete("one", { propagationPolicy: "Foreground" });
  for (const name of ["one", "two", "three"]) await until(async () => !(await exists(name)));
});

test("an owner that never was: the object goes; with another owner it stays", async () => {
  const uid = await make("real");
  await make("stray", { name: "nobody", uid: "00000000-0000-0000-0000-000000000000" });
  await until(async () => !(await exists("stray")));
  const owner = (name: string, id: string): object => ({ apiVersion: "v1", kind: "ConfigMap", name, uid: id });
  await maps().create({
    metadata: {
      name: "held",
      ownerReferences: [owner("real", uid), owner("nobody", "00000000-0000-0000-0000-000000000001")] as never,
    },
  });
  await until(async () => (await maps().get("held")).metadata?.ownerReferences?.length === 1);
});

test("a deleted namespace is emptied and goes", async () => {
  await client.resource(namespaces).create({ metadata: { name: "going" } });
  await client.resource(configMaps, "going").create({ metadata: { name: "x" } });
  await client.resource(secrets, "going").create({ metadata: { name: "y", finalizers: ["example.com/hold"] } });
  await client.resource(namespaces).delete("going", {});
  await until(async () => {
    const { status } = await client.resource(namespaces).get("going");
    const condition = status?.conditions?.find(({ type }) => type === "NamespaceFinalizersRemaining");
    return condition?.message?.includes("example.com/hold in 1 resource instances") === true;
  });
  await client.resource(secrets, "going").patch("y", { metadata: { finalizers: null } }, { type: "merge" });
  await until(async () => {
    try {
      await client.resource(namespaces).get("going");
      return false;
    } catch (error) {
      return isNotFound(error);
    }
  });
});
