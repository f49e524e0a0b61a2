// apiserver_request_total and apiserver_request_duration_seconds, counted in plain numbers: a metrics library sorts and joins
// the labels of every observation, which would cost a request more than its answer does.
import type { Observation } from "./handler-chain.ts";

const DURATION_BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const TOTAL = "apiserver_request_total";
const DURATION = "apiserver_request_duration_seconds";

interface Series {
  /** As it stands between the braces. */
  readonly labels: string;
  readonly byCode: Map<number, number>;
  /** One more than there are bounds: the last counts what is longer than all. */
  readonly buckets: number[];
  seconds: number;
  timed: number;
}

export class RequestMetrics {
  readonly #series = new Map<string, Series>();

  observe({ info, status, milliseconds }: Observation): void {
    if (!info.isResourceRequest) return;
    const scope = info.name !== "" ? "resource" : info.namespace !== "" ? "namespace" : "cluster";
    const key = `${info.verb} ${info.apiGroup}/${info.apiVersion}/${info.resource}/${info.subresource} ${scope}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const labels = { verb: info.verb.toUpperCase(), group: info.apiGroup, version: info.apiVersion };
      series = newSeries({ ...labels, resource: info.resource, subresource: info.subresource, scope });
      this.#series.set(key, series);
    }
    series.byCode.set(status, (series.byCode.get(status) ?? 0) + 1);
    // A watch lasts as long as its client likes.
    if (info.verb === "watch") return;
    const seconds = milliseconds / 1000;
    const at = DURATION_BUCKETS.findIndex((bound) => seconds <= bound);
    const bucket = at < 0 ? DURATION_BUCKETS.length : at;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    series.seconds += seconds;
    series.timed++;
  }

  reset(): void {
    this.#series.clear();
  }

  /** In the text format of Prometheus. */
  render(): string {
    const lines = [
      `# HELP ${TOTAL} Counter of apiserver requests broken out for each verb, group, version, resource, scope and HTTP response code.`,
      `# TYPE ${TOTAL} counter`,
    ];
    for (const { labels, byCode } of this.#series.values())
      for (const [code, count] of byCode) lines.push(`${TOTAL}{${labels},code="${code}"} ${count}`);
    lines.push(
      `# HELP ${DURATION} Response latency distribution in seconds for each verb, group, version, resource, subresource and scope.`,
      `# TYPE ${DURATION} histogram`,
    );
    for (const { labels, buckets, seconds, timed } of this.#series.values()) {
      if (timed === 0) continue;
      let below = 0;
      for (const [i, bound] of DURATION_BUCKETS.entries()) {
        below += buckets[i] ?? 0;
        lines.push(`${DURATION}_bucket{${labels},le="${bound}"} ${below}`);
      }
      lines.push(`${DURATION}_bucket{${labels},le="+Inf"} ${timed}`);
      lines.push(`${DURATION}_sum{${labels}} ${seconds}`, `${DURATION}_count{${labels}} ${timed}`);
    }
    return `${lines.join("\n")}\n`;
  }
}

function newSeries(labels: Readonly<Record<string, string>>): Series {
  return {
    labels: Object.entries(labels)
      .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
      .join(","),
    byCode: new Map(),
    buckets: Array.from({ length: DURATION_BUCKETS.length + 1 }, () => 0),
    seconds: 0,
    timed: 0,
  };
}

function escapeLabel(value: string): string {
  return value
    .replaceAll("\\", String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll("\n", String.raw`\n`);
}
