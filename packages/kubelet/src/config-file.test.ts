import { describe, expect, it } from "vitest";
import { parseKubeletConfiguration, parseMap, parseTaints } from "./config-file.ts";

describe("kubelet configuration", () => {
  it("reads a file and refuses another kind", () => {
    expect(
      parseKubeletConfiguration("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 20\n")
        .maxPods,
    ).toBe(20);
    expect(() => parseKubeletConfiguration("kind: Pod\napiVersion: v1\n")).toThrow('no kind "Pod" is registered');
    expect(() => parseKubeletConfiguration("")).toThrow("empty");
  });

  it("reads maps and thresholds", () => {
    expect(parseMap("cpu=100m,memory=1Gi")).toEqual({ cpu: "100m", memory: "1Gi" });
    expect(parseMap("memory.available<100Mi", "<")).toEqual({ "memory.available": "100Mi" });
    expect(() => parseMap("cpu")).toThrow("expected <key>=<value>");
  });

  it("reads taints", () => {
    expect(parseTaints("a=b:NoSchedule,c:NoExecute")).toEqual([
      { key: "a", value: "b", effect: "NoSchedule" },
      { key: "c", effect: "NoExecute" },
    ]);
    expect(() => parseTaints("a=b")).toThrow("invalid taint spec: a=b");
  });
});
