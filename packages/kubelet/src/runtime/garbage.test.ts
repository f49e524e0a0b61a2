import { describe, expect, it } from "vitest";
import { findGarbage } from "./garbage.ts";
import type { ContainerState, PodRuntimeStatus, RuntimeContainer } from "./types.ts";

function container(id: string, name: string, state: ContainerState, sandboxID = "s2"): RuntimeContainer {
  return {
    id,
    name,
    state,
    sandboxID,
    createdAt: 0,
    startedAt: 0,
    finishedAt: 0,
    exitCode: 0,
    reason: "",
    message: "",
    image: "",
    imageID: "",
    hash: "",
    restartCount: 0,
    logPath: `/log/${id}`,
    annotations: {},
  };
}
const sandbox = (id: string, ready: boolean) => ({ id, ready, attempt: 0, createdAt: 0, ips: [], hostNetwork: false });

const pod: PodRuntimeStatus = {
  uid: "u",
  name: "p",
  namespace: "d",
  sandboxes: [sandbox("s2", true), sandbox("s1", false), sandbox("s0", false)],
  containers: [
    container("a3", "a", "running"),
    container("a2", "a", "exited"),
    container("a1", "a", "exited", "s1"),
    container("i1", "i", "exited"),
    container("b2", "b", "exited", "s1"),
  ],
};

describe("findGarbage", () => {
  it("keeps the newest incarnation and one dead before it", () => {
    expect(findGarbage([pod], () => true)).toEqual({
      containers: [{ id: "a1", logPath: "/log/a1" }],
      sandboxes: ["s0"],
    });
  });

  it("keeps nothing dead of a pod that is gone, and never what runs", () => {
    expect(findGarbage([pod], () => false)).toEqual({
      containers: ["a2", "a1", "i1", "b2"].map((id) => ({ id, logPath: `/log/${id}` })),
      sandboxes: ["s1", "s0"],
    });
  });
});
