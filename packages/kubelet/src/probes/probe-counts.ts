/** How often each probe of this node's containers ran, and how it ended: prober_probe_total. */
import type { Container, Pod } from "@knots/api/core/v1";
import type { ProbeKind, ProbeOutcome } from "./types.ts";

const TYPES: Readonly<Record<ProbeKind, string>> = {
  startup: "Startup",
  liveness: "Liveness",
  readiness: "Readiness",
};

type Result = "successful" | "failed" | "unknown";

export class ProbeCounts {
  /** By pod's uid, then by label text. */
  readonly #counts = new Map<string, Map<string, number>>();

  /** Counts a run; passes on what it gives. */
  async counted(
    pod: Pod,
    container: Container,
    kind: ProbeKind,
    run: () => Promise<ProbeOutcome>,
  ): Promise<ProbeOutcome> {
    try {
      const outcome = await run();
      this.#add(pod, container, kind, outcome.result === "failure" ? "failed" : "successful");
      return outcome;
    } catch (error) {
      this.#add(pod, container, kind, "unknown");
      throw error;
    }
  }

  remove(podUID: string): void {
    this.#counts.delete(podUID);
  }

  /** In Prometheus' text format. */
  render(): string {
    const lines = [...this.#counts.values()].flatMap((counts) =>
      [...counts].map(([labels, count]) => `prober_probe_total{${labels}} ${count}\n`),
    );
    return [
      "# HELP prober_probe_total [BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.\n",
      "# TYPE prober_probe_total counter\n",
      ...lines,
    ].join("");
  }

  #add(pod: Pod, container: Container, kind: ProbeKind, result: Result): void {
    const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
    const labels = `container="${container.name}",namespace="${namespace}",pod="${name}",pod_uid="${uid}",probe_type="${TYPES[kind]}",result="${result}"`;
    let counts = this.#counts.get(uid);
    if (counts === undefined) this.#counts.set(uid, (counts = new Map()));
    counts.set(labels, (counts.get(labels) ?? 0) + 1);
  }
}
