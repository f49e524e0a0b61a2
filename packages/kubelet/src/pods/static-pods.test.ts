import { describe, expect, it } from "vitest";
import { isMirrorPod, isStaticPod, mirrorPodOf, staticPod } from "./static-pods.ts";

const manifest =
  "apiVersion: v1\nkind: Pod\nmetadata: {name: Web, namespace: kube-system}\nspec: {containers: [{name: a, image: i}]}\n";
const read = (text: string) => staticPod(text, "/m/web.yaml", "Node-1", 0, () => undefined);

describe("static pods", () => {
  it("belong to the node by name and uid", () => {
    const pod = read(manifest);
    expect(pod.metadata).toMatchObject({ name: "web-node-1", namespace: "kube-system" });
    expect(pod.spec).toMatchObject({
      nodeName: "Node-1",
      restartPolicy: "Always",
      tolerations: [{ operator: "Exists", effect: "NoExecute" }],
    });
    expect(isStaticPod(pod)).toBe(true);
    expect(read(manifest).metadata?.uid).toBe(pod.metadata?.uid);
    expect(read(manifest.replace("image: i", "image: j")).metadata?.uid).not.toBe(pod.metadata?.uid);
  });

  it("are shown by a mirror that names its version and belongs to the Node", () => {
    const mirror = mirrorPodOf(read(manifest), "node-uid");
    expect(isMirrorPod(mirror)).toBe(true);
    expect(isStaticPod(mirror)).toBe(false);
    expect(mirror.metadata?.uid).toBeUndefined();
    expect(mirror.metadata?.annotations?.["kubernetes.io/config.mirror"]).toBe(read(manifest).metadata?.uid);
    expect(mirror.metadata?.ownerReferences).toEqual([
      { apiVersion: "v1", kind: "Node", name: "Node-1", uid: "node-uid", controller: true },
    ]);
  });

  it("refuses what is not a pod", () => {
    expect(() => read("kind: Service\n")).toThrow("is not a Pod");
    expect(() => read("kind: Pod\nmetadata: {name: x}\n")).toThrow("is not a Pod");
  });
});
