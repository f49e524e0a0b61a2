import { expect, test } from "vitest";
import { ProbeCounts } from "./probe-counts.ts";

test("runs are counted by their end, and forgotten with the pod", async () => {
  const counts = new ProbeCounts();
  const pod = { metadata: { name: "p", namespace: "ns", uid: "u" } };
  const container = { name: "c", image: "i" };
  const run = (result: "success" | "failure" | "warning") =>
    counts.counted(pod, container, "liveness", () => Promise.resolve({ result, output: "" }));
  await run("success");
  await run("warning");
  await run("failure");
  await expect(counts.counted(pod, container, "startup", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  const labels = (type: string, result: string): string =>
    `prober_probe_total{container="c",namespace="ns",pod="p",pod_uid="u",probe_type="${type}",result="${result}"}`;
  const text = counts.render();
  expect(text).toContain(`${labels("Liveness", "successful")} 2\n`);
  expect(text).toContain(`${labels("Liveness", "failed")} 1\n`);
  expect(text).toContain(`${labels("Startup", "unknown")} 1\n`);
  counts.remove("u");
  expect(counts.render()).not.toContain("prober_probe_total{");
});
