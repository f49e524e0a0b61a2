import type { SecurityDependencies } from "../security.ts";
import { openRequest } from "../streams/dial.ts";
import { kubeletTarget } from "../streams/kubelet.ts";

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** /metrics/resource of a node's kubelet. */
export function readKubelet(deps: SecurityDependencies, nodeName: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const request = openRequest(kubeletTarget(deps, nodeName, "/metrics/resource"), "GET", {}, signal);
    request.once("error", reject);
    request.once("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_BYTES) request.destroy(new Error("the kubelet's metrics are too long"));
        else chunks.push(chunk);
      });
      response.once("error", reject);
      response.once("end", () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
        else reject(new Error(`the kubelet answered ${response.statusCode}`));
      });
    });
    request.end();
  });
}
