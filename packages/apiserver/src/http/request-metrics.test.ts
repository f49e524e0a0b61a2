import { describe, expect, it } from "vitest";
import { parseRequestInfo } from "./request-info.ts";
import { RequestMetrics } from "./request-metrics.ts";

describe("RequestMetrics", () => {
  it("counts by what was asked and how it was answered", () => {
    const metrics = new RequestMetrics();
    const observe = (method: string, url: string, status: number, milliseconds: number): void =>
      metrics.observe({ info: parseRequestInfo(method, url), method, status, milliseconds });
    observe("GET", "/api/v1/namespaces/a/pods/x", 200, 4);
    observe("GET", "/api/v1/namespaces/a/pods/y", 404, 30);
    observe("GET", "/apis/apps/v1/deployments?watch=1", 200, 90_000);
    observe("GET", "/healthz", 200, 1);
    const pods = 'verb="GET",group="",version="v1",resource="pods",subresource="",scope="resource"';
    const lines = metrics.render().split("\n");
    expect(lines).toContain(`apiserver_request_total{${pods},code="200"} 1`);
    expect(lines).toContain(`apiserver_request_total{${pods},code="404"} 1`);
    expect(lines).toContain(`apiserver_request_duration_seconds_bucket{${pods},le="0.005"} 1`);
    expect(lines).toContain(`apiserver_request_duration_seconds_bucket{${pods},le="0.025"} 1`);
    expect(lines).toContain(`apiserver_request_duration_seconds_bucket{${pods},le="0.05"} 2`);
    expect(lines).toContain(`apiserver_request_duration_seconds_bucket{${pods},le="+Inf"} 2`);
    expect(lines).toContain(`apiserver_request_duration_seconds_sum{${pods}} 0.034`);
    expect(lines).toContain(
      'apiserver_request_total{verb="WATCH",group="apps",version="v1",resource="deployments",subresource="",scope="cluster",code="200"} 1',
    );
    expect(lines.filter((line) => line.includes('verb="WATCH"'))).toHaveLength(1);
    expect(metrics.render()).not.toContain("healthz");
  });
});
