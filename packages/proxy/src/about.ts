// The two addresses where kube-proxy speaks of itself: health for everybody, mode and metrics for the machine alone.
import { healthAnswer, HttpServer, parseBindAddress, type Answer, type ProxyStatus } from "./http-server.ts";
import type { ProxyMetrics } from "./metrics.ts";

export interface AboutOptions {
  /** Where /healthz and /livez answer; "": nowhere. */
  readonly healthzBindAddress: string;
  /** Where /proxyMode answers, and /metrics where there are some; "": nowhere. */
  readonly metricsBindAddress: string;
  readonly metrics?: ProxyMetrics | undefined;
}

export const HEALTHZ_ADDRESS = "0.0.0.0:10256";
export const METRICS_ADDRESS = "127.0.0.1:10249";
const HEALTHZ_PORT = 10_256;
const METRICS_PORT = 10_249;

/** Resolves once both listen; rejects where an address is taken. */
export async function serveAbout(
  proxy: { readonly status: ProxyStatus },
  { healthzBindAddress, metricsBindAddress, metrics }: AboutOptions,
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  if (healthzBindAddress !== "") {
    const { host, port } = parseBindAddress(healthzBindAddress, HEALTHZ_PORT);
    const server = new HttpServer((path) => {
      const answer = healthAnswer(path, proxy.status);
      if (answer !== undefined) metrics?.probed(path === "/livez" ? "livez" : "healthz", answer.code);
      return answer;
    });
    await stack.use(server).listen(host, port);
  }
  if (metricsBindAddress !== "") {
    const { host, port } = parseBindAddress(metricsBindAddress, METRICS_PORT);
    await stack.use(new HttpServer((path) => metricsAnswer(path, proxy.status, metrics))).listen(host, port);
  }
  return stack.move();
}

/** What the second address answers; undefined for another path. */
export async function metricsAnswer(
  path: string,
  status: ProxyStatus,
  metrics: ProxyMetrics | undefined,
): Promise<Answer | undefined> {
  const type = "text/plain; charset=utf-8";
  if (path === "/proxyMode") return { code: 200, type, body: "nftables" };
  if (path === "/metrics" && metrics !== undefined) {
    const { registry } = metrics;
    return { code: 200, type: registry.contentType, body: await registry.metrics() };
  }
  return healthAnswer(path, status);
}
