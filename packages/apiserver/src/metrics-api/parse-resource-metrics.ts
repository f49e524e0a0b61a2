/** What a kubelet's /metrics/resource says, of which this is the reader: one reading of a node. */

export interface ContainerReading {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  readonly startedAt: number;
}

export interface NodeReading {
  readonly node: { readonly at: number; readonly cpuSeconds: number; readonly memoryBytes: number } | undefined;
  /** By "namespace/name", then by container. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, ContainerReading>>;
}

interface Partial {
  at?: number;
  cpuSeconds?: number;
  memoryBytes?: number;
  startedAt?: number;
}

/** Lines that are none of ours are passed over; a container of which something is missing is left out. */
export function parseResourceMetrics(text: string): NodeReading {
  const node: Partial = {};
  const pods = new Map<string, Map<string, Partial>>();
  for (const line of text.split("\n")) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)(?: (\d+))?$/.exec(line);
    if (match === null) continue;
    const [, name = "", labels = "", number = "", time] = match;
    const value = Number(number);
    if (name.startsWith("node_")) note(node, name.slice(5), value, Number(time));
    if (!name.startsWith("container_")) continue;
    const { namespace, pod, container } = labelsOf(labels);
    if (namespace === undefined || pod === undefined || container === undefined) continue;
    const key = `${namespace}/${pod}`;
    let containers = pods.get(key);
    if (containers === undefined) pods.set(key, (containers = new Map()));
    let reading = containers.get(container);
    if (reading === undefined) containers.set(container, (reading = {}));
    note(reading, name.slice(10), value, Number(time));
  }
  return { node: isWhole(node) ? node : undefined, pods: wholePods(pods) };
}

function note(reading: Partial, name: string, value: number, time: number): void {
  if (name === "cpu_usage_seconds_total") {
    reading.cpuSeconds = value;
    reading.at = time;
  } else if (name === "memory_working_set_bytes") reading.memoryBytes = value;
  else if (name === "start_time_seconds") reading.startedAt = value * 1000;
}

function isWhole(reading: Partial): reading is Required<Pick<Partial, "at" | "cpuSeconds" | "memoryBytes">> {
  return reading.at !== undefined && reading.cpuSeconds !== undefined && reading.memoryBytes !== undefined;
}

function wholePods(pods: ReadonlyMap<string, ReadonlyMap<string, Partial>>): NodeReading["pods"] {
  return new Map(
    [...pods].map(([key, containers]) => [
      key,
      new Map(
        [...containers].flatMap(([name, reading]): [string, ContainerReading][] => {
          const { startedAt } = reading;
          return isWhole(reading) && startedAt !== undefined ? [[name, { ...reading, startedAt }]] : [];
        }),
      ),
    ]),
  );
}

function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:\\.|[^"\\])*)"/g)].map(([, name = "", value = ""]) => [
      name,
      value.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character)),
    ]),
  );
}
