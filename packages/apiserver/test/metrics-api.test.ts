import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RealClock } from "@knots/machinery";
import { newCA } from "@knots/machinery/pki/index";
import { FakeKubelet } from "./fake-kubelet.ts";
import { Harness } from "./harness.ts";

const GROUP = "/apis/metrics.k8s.io/v1beta1";

/** Nobody waits for the first window: the kubelet's own times make it. */
class Impatient extends RealClock {
  override sleep(): Promise<void> {
    return Promise.resolve();
  }
}

describe("metrics.k8s.io", () => {
  let kubelet: FakeKubelet;
  let harness: Harness;
  let readings = 0;
  beforeAll(async () => {
    const ca = await newCA("kubelets");
    kubelet = await FakeKubelet.start(ca);
    kubelet.answer = () => {
      const at = Date.UTC(2026, 0, 1) + ++readings * 15_000;
      const labels = '{container="c",namespace="default",pod="p"}';
      return [
        `container_cpu_usage_seconds_total${labels} ${readings * 1.5} ${at}`,
        `container_memory_working_set_bytes${labels} 1048576 ${at}`,
        `container_start_time_seconds${labels} 1 ${at}`,
        `node_cpu_usage_seconds_total ${readings * 15} ${at}`,
        `node_memory_working_set_bytes 1073741824 ${at}`,
      ].join("\n");
    };
    harness = await Harness.start({ kubeletCA: ca, server: { clock: new Impatient() } });
    await harness.post("/api/v1/nodes", { metadata: { name: "n", labels: { zone: "a" } } });
    await harness.patch("/api/v1/nodes/n/status", {
      status: {
        addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
        daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
      },
    });
    for (const name of ["p", "unmeasured"]) {
      await harness.post("/api/v1/namespaces/default/pods", {
        metadata: { name, labels: { app: name } },
        spec: { nodeName: "n", containers: [{ name: "c", image: "i" }] },
      });
    }
  });
  afterAll(async () => {
    await harness[Symbol.asyncDispose]();
    await kubelet.stop();
  });

  test("is discovered and described", async () => {
    const { body } = await harness.get(GROUP);
    expect(body.resources).toMatchObject([
      { name: "nodes", kind: "NodeMetrics", namespaced: false, verbs: ["get", "list"] },
      { name: "pods", kind: "PodMetrics", namespaced: true, verbs: ["get", "list"] },
    ]);
    expect((await harness.get("/openapi/v3")).body.paths).toHaveProperty("apis/metrics.k8s.io/v1beta1");
    const service = await harness.get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io");
    expect(service.body.status.conditions).toMatchObject([{ type: "Available", status: "True" }]);
  });

  test("tells what nodes use", async () => {
    const { body } = await harness.get(`${GROUP}/nodes`);
    expect(body).toMatchObject({ kind: "NodeMetricsList", apiVersion: "metrics.k8s.io/v1beta1", metadata: {} });
    expect(body.items).toMatchObject([
      { metadata: { name: "n", labels: { zone: "a" } }, window: "15s", usage: { cpu: "1", memory: "1Gi" } },
    ]);
    expect(kubelet.requests[0]).toMatchObject({ url: "/metrics/resource", client: "kube-apiserver-kubelet-client" });
  });

  test("tells what pods use, by namespace, name and selector", async () => {
    const names = async (path: string): Promise<string[]> =>
      (await harness.get(`${GROUP}/${path}`)).body.items.map(
        (item: { metadata: { name: string } }) => item.metadata.name,
      );
    expect(await names("pods")).toEqual(["p"]);
    expect(await names("namespaces/default/pods?labelSelector=app%3Dp")).toEqual(["p"]);
    expect(await names("namespaces/default/pods?labelSelector=app%3Dq")).toEqual([]);
    expect(await names("pods?fieldSelector=metadata.name%3Dq")).toEqual([]);
    expect(await names("namespaces/other/pods")).toEqual([]);
    const { body } = await harness.get(`${GROUP}/namespaces/default/pods/p`);
    expect(body.containers).toEqual([{ name: "c", usage: { cpu: "100m", memory: "1Mi" } }]);
    const table = await harness.get(`${GROUP}/pods`, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
    expect(table.body.rows[0].cells).toEqual(["p", "100m", "1Mi", "15s"]);
  });

  test("has nothing of what has not been measured", async () => {
    const missing = await harness.get(`${GROUP}/namespaces/default/pods/unmeasured`);
    expect(missing.status).toBe(404);
    expect(missing.body.message).toBe('podmetrics.metrics.k8s.io "default/unmeasured" not found');
    expect((await harness.get(`${GROUP}/nodes/none`)).body.message).toBe('nodemetrics.metrics.k8s.io "none" not found');
  });

  test("can only be read", async () => {
    expect((await harness.delete(`${GROUP}/nodes/n`)).status).toBe(405);
    expect((await harness.get(`${GROUP}/nodes?watch=1`)).status).toBe(405);
    expect((await harness.get(`${GROUP}/nodes?labelSelector=%3D%3D`)).status).toBe(400);
    expect((await harness.get("/apis/metrics.k8s.io/v1/nodes")).status).toBe(404);
  });
});
