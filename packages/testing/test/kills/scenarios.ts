// What people do with workloads, step by step.
import { daemonSets, deployments, replicaSets, statefulSets } from "@knots/api/apps/v1";
import { cronJobs, jobs } from "@knots/api/batch/v1";
import {
  configMaps,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  replicationControllers,
  secrets,
  type Pod,
} from "@knots/api/core/v1";
import { priorityClasses } from "@knots/api/scheduling/v1";
import { storageClasses } from "@knots/api/storage/v1";
import { isNotFound, type KubeObject, type ResourceType } from "@knots/machinery";
import type { Outcome } from "./fake-kubelet.ts";
import type { World } from "./world.ts";

export interface Scenario {
  readonly name: string;
  readonly controllers: readonly string[];
  /** A scheduler runs, and is killed, too. */
  readonly scheduler?: true;
  /** How many times it is played with kills. */
  readonly rounds: number;
  /** Objects whose end is compared, beside pods and what makes them. */
  readonly compared: readonly ResourceType[];
  /** Owners go and their dependents stay, for no collector of garbage runs. */
  readonly garbage?: true;
  /** A new one for each play: how its pods go on. */
  outcomes?(): (pod: Pod) => Outcome;
  play(world: World, namespace: string): Promise<void>;
}

const labels = { app: "web" };
const selector = { matchLabels: labels };
const container = (image: string): object => ({ name: "c", image });
const template = (image: string, spec: object = { nodeName: "node-1" }): object => ({
  metadata: { labels },
  spec: { ...spec, containers: [container(image)] },
});
const image = (name: string): object => ({ spec: { template: { spec: { containers: [container(name)] } } } });

interface Counted extends KubeObject {
  status?: Readonly<Record<string, unknown>>;
}

/** Waits for counts in the status of an object, at its newest generation. */
async function settled(
  world: World,
  type: ResourceType,
  namespace: string,
  wanted: Readonly<Record<string, unknown>>,
): Promise<void> {
  await world.until(`${type.resource} with ${JSON.stringify(wanted)}`, async () => {
    const { metadata, status = {} } = (await world.client.resource(type, namespace).get("web")) as Counted;
    if (status["observedGeneration"] !== undefined && status["observedGeneration"] !== metadata?.generation)
      return false;
    return Object.entries(wanted).every(([name, value]) => (status[name] ?? 0) === value);
  });
}

async function gone(world: World, type: ResourceType, namespace: string | undefined, name: string): Promise<void> {
  await world.until(`${type.resource} ${name} gone`, async () => {
    try {
      await world.client.resource(type, namespace).get(name);
      return false;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  });
}

async function create(world: World, type: ResourceType, namespace: string | undefined, object: object): Promise<void> {
  await world.client.resource(type, namespace).create(object as KubeObject);
}

async function change(world: World, type: ResourceType, namespace: string, patch: object): Promise<void> {
  await world.client.resource(type, namespace).patch("web", patch, { type: "strategic" });
}

const deployment: Scenario = {
  name: "a Deployment is rolled out twice and scaled",
  controllers: ["deployment-controller", "replicaset-controller"],
  rounds: 7,
  compared: [deployments],
  async play(world, namespace) {
    await create(world, deployments, namespace, {
      metadata: { name: "web" },
      spec: { replicas: 4, selector, template: template("x:1") },
    });
    await settled(world, deployments, namespace, { availableReplicas: 4, updatedReplicas: 4, replicas: 4 });
    await change(world, deployments, namespace, image("x:2"));
    await settled(world, deployments, namespace, { availableReplicas: 4, updatedReplicas: 4, replicas: 4 });
    await change(world, deployments, namespace, { spec: { replicas: 2 } });
    await settled(world, deployments, namespace, { availableReplicas: 2, updatedReplicas: 2, replicas: 2 });
    await change(world, deployments, namespace, image("x:1"));
    await settled(world, deployments, namespace, { availableReplicas: 2, updatedReplicas: 2, replicas: 2 });
  },
};

const replicaSet: Scenario = {
  name: "a ReplicaSet is scaled up and down",
  controllers: ["replicaset-controller"],
  rounds: 7,
  compared: [],
  async play(world, namespace) {
    await create(world, replicaSets, namespace, {
      metadata: { name: "web" },
      spec: { replicas: 5, selector, template: template("x:1") },
    });
    for (const replicas of [2, 7, 0, 3]) {
      await change(world, replicaSets, namespace, { spec: { replicas } });
      await settled(world, replicaSets, namespace, { availableReplicas: replicas, replicas });
    }
  },
};

const statefulSet: Scenario = {
  name: "a StatefulSet is updated and scaled",
  controllers: ["statefulset-controller"],
  rounds: 7,
  compared: [statefulSets],
  async play(world, namespace) {
    const claim = {
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    };
    const spec = {
      replicas: 3,
      serviceName: "web",
      selector,
      template: template("x:1"),
      volumeClaimTemplates: [claim],
    };
    await create(world, statefulSets, namespace, { metadata: { name: "web" }, spec });
    await settled(world, statefulSets, namespace, { availableReplicas: 3, updatedReplicas: 3, replicas: 3 });
    await change(world, statefulSets, namespace, image("x:2"));
    await settled(world, statefulSets, namespace, { availableReplicas: 3, updatedReplicas: 3, replicas: 3 });
    await change(world, statefulSets, namespace, { spec: { replicas: 1 } });
    await settled(world, statefulSets, namespace, { availableReplicas: 1, replicas: 1 });
    await change(world, statefulSets, namespace, { spec: { replicas: 4 } });
    await settled(world, statefulSets, namespace, { availableReplicas: 4, updatedReplicas: 4, replicas: 4 });
  },
};

const podsOfAJob = { spec: { nodeName: "node-1", restartPolicy: "Never", containers: [container("x:1")] } };

const job: Scenario = {
  name: "a Job counts its pods, two of which fail",
  controllers: ["job-controller"],
  rounds: 9,
  compared: [],
  outcomes() {
    let failures = 2;
    return () => (failures-- > 0 ? "fails" : "succeeds");
  },
  async play(world, namespace) {
    await create(world, jobs, namespace, {
      metadata: { name: "web" },
      spec: { completions: 6, parallelism: 2, template: podsOfAJob },
    });
    await settled(world, jobs, namespace, { succeeded: 6, failed: 2, active: 0 });
    await world.until("the Job's end", async () => {
      const { status } = await world.client.resource(jobs, namespace).get("web");
      return status?.completionTime !== undefined;
    });
  },
};

const INDEX = "batch.kubernetes.io/job-completion-index";

const indexedJob: Scenario = {
  name: "an Indexed Job ends with an index that failed for good",
  controllers: ["job-controller"],
  rounds: 9,
  compared: [],
  outcomes() {
    const failures = new Map([
      ["1", 2],
      ["3", 1],
    ]);
    return (pod) => {
      const index = pod.metadata?.annotations?.[INDEX] ?? "";
      const left = failures.get(index) ?? 0;
      failures.set(index, left - 1);
      return left > 0 ? "fails" : "succeeds";
    };
  },
  async play(world, namespace) {
    const spec = {
      completionMode: "Indexed",
      completions: 5,
      parallelism: 3,
      backoffLimitPerIndex: 1,
      template: podsOfAJob,
    };
    await create(world, jobs, namespace, { metadata: { name: "web" }, spec });
    await world.until("the Job's end", async () => {
      const { status } = await world.client.resource(jobs, namespace).get("web");
      return status?.conditions?.some(({ type, status: is }) => type === "Failed" && is === "True") === true;
    });
  },
};

const cronJob: Scenario = {
  name: "a CronJob makes one Job each minute and keeps the last two",
  controllers: ["cronjob-controller", "job-controller"],
  rounds: 7,
  compared: [],
  garbage: true,
  outcomes: () => () => "succeeds",
  async play(world, namespace) {
    const { clock } = world;
    // All plays begin at the same second of a minute.
    await clock.advance(90_000 - (clock.now() % 60_000));
    const jobTemplate = { spec: { template: podsOfAJob } };
    await create(world, cronJobs, namespace, {
      metadata: { name: "web" },
      spec: { schedule: "* * * * *", successfulJobsHistoryLimit: 2, jobTemplate },
    });
    const first = Math.ceil(clock.now() / 60_000);
    for (let minute = first; minute < first + 4; minute++) {
      await world.pass(Math.max(0, minute * 60_000 - clock.now()));
      await world.until(`the Job of minute ${minute}`, async () => {
        const { status } = await world.client.resource(cronJobs, namespace).get("web");
        const made = await world.client.resource(jobs, namespace).list();
        const last = Date.parse(status?.lastScheduleTime ?? "1970-01-01T00:00:00Z");
        return (
          last === minute * 60_000 &&
          (status?.active ?? []).length === 0 &&
          made.items.length === Math.min(2, minute - first + 1) &&
          made.items.every((each) => each.status?.completionTime !== undefined)
        );
      });
    }
    await change(world, cronJobs, namespace, { spec: { suspend: true } });
  },
};

const replicationController: Scenario = {
  name: "a ReplicationController is scaled up and down",
  controllers: ["replicationcontroller-controller"],
  rounds: 2,
  compared: [replicationControllers],
  async play(world, namespace) {
    await create(world, replicationControllers, namespace, {
      metadata: { name: "web" },
      spec: { replicas: 4, selector: labels, template: template("x:1") },
    });
    for (const replicas of [1, 6, 3]) {
      await change(world, replicationControllers, namespace, { spec: { replicas } });
      await settled(world, replicationControllers, namespace, { availableReplicas: replicas, replicas });
    }
  },
};

/** A node that is ready, of which there is no controller here to say so. */
async function addNode(world: World, name: string, role = "worker"): Promise<void> {
  const resource = world.client.resource(nodes);
  if ((await resource.list()).items.some(({ metadata }) => metadata?.name === name)) return;
  await create(world, nodes, undefined, { metadata: { name, labels: { role } } });
  await resource.patch(name, { spec: { taints: null } }, { type: "merge" });
}

const daemonSet: Scenario = {
  name: "a DaemonSet is updated, and moved from node to node",
  controllers: ["daemonset-controller"],
  rounds: 9,
  compared: [daemonSets],
  async play(world, namespace) {
    for (const name of ["node-1", "node-2", "node-3"]) await addNode(world, name);
    for (const name of ["node-4", "node-5"]) await addNode(world, name, "spare");
    const on = (role: string | null): object => ({ spec: { template: { spec: { nodeSelector: { role } } } } });
    const pods = template("x:1", { nodeSelector: { role: "worker" } });
    await create(world, daemonSets, namespace, { metadata: { name: "web" }, spec: { selector, template: pods } });
    await settled(world, daemonSets, namespace, { numberAvailable: 3, updatedNumberScheduled: 3 });
    await change(world, daemonSets, namespace, image("x:2"));
    await settled(world, daemonSets, namespace, { numberAvailable: 3, updatedNumberScheduled: 3 });
    const spare = { desiredNumberScheduled: 2, numberAvailable: 2, updatedNumberScheduled: 2, numberMisscheduled: 0 };
    await change(world, daemonSets, namespace, on("spare"));
    await settled(world, daemonSets, namespace, spare);
    const all = { desiredNumberScheduled: 5, numberAvailable: 5, updatedNumberScheduled: 5, numberMisscheduled: 0 };
    await change(world, daemonSets, namespace, on(null));
    await settled(world, daemonSets, namespace, all);
  },
};

/** Pods that the scheduler finds a node for; of one `kind` no two on a node. */
const apart = (kind: string, spec: object): object => ({
  metadata: { labels: { kind } },
  spec: {
    containers: [container("x:1")],
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { kind } }, topologyKey: "kubernetes.io/hostname" },
        ],
      },
    },
    ...spec,
  },
});

/** Three nodes with room for two pods each. */
async function addRoom(world: World): Promise<void> {
  const resource = world.client.resource(nodes);
  if ((await resource.list()).items.length > 0) return;
  for (const name of ["node-1", "node-2", "node-3"]) {
    await create(world, nodes, undefined, {
      metadata: { name, labels: { "kubernetes.io/hostname": name } },
      status: { allocatable: { cpu: "4", memory: "8Gi", pods: "2" } },
    });
    await resource.patch(name, { spec: { taints: null } }, { type: "merge" });
  }
  for (const [name, value] of [
    ["high", 1000],
    ["low", 1],
  ] as const)
    await create(world, priorityClasses, undefined, { metadata: { name }, value });
}

async function podsWith(world: World, namespace: string, kind: string): Promise<Pod[]> {
  return (await world.client.resource(pods, namespace).list({ labelSelector: `kind=${kind}` })).items;
}
const isPlaced = ({ spec, status, metadata }: Pod): boolean =>
  spec?.nodeName !== undefined && status?.phase === "Running" && metadata?.deletionTimestamp === undefined;

const placing: Scenario = {
  name: "pods are given nodes, and lose them to others of higher priority",
  controllers: ["replicaset-controller"],
  scheduler: true,
  rounds: 5,
  compared: [],
  async play(world, namespace) {
    await addRoom(world);
    const set = async (name: string, priorityClassName: string, replicas: number): Promise<void> =>
      await create(world, replicaSets, namespace, {
        metadata: { name },
        spec: { replicas, selector: { matchLabels: { kind: name } }, template: apart(name, { priorityClassName }) },
      });
    const placed = async (kind: string, count: number): Promise<void> =>
      await world.until(`${count} pods of ${kind} placed`, async () => {
        return (await podsWith(world, namespace, kind)).filter(isPlaced).length === count;
      });
    // All room is taken; whoever comes then takes a place of one of the two on each node.
    await set("first", "low", 3);
    await set("second", "low", 3);
    await placed("first", 3);
    await placed("second", 3);
    await set("important", "high", 3);
    await placed("important", 3);
    await world.client.resource(replicaSets, namespace).patch("second", { spec: { replicas: 0 } }, { type: "merge" });
    await placed("first", 3);
    await world.until("the second are gone", async () => (await podsWith(world, namespace, "second")).length === 0);
    // More than there is room for: the rest waits.
    await world.client.resource(replicaSets, namespace).patch("first", { spec: { replicas: 5 } }, { type: "merge" });
    await world.until("five of the first", async () => (await podsWith(world, namespace, "first")).length === 5);
  },
};

const volumes: Scenario = {
  name: "pods are given nodes with a volume each",
  controllers: ["replicaset-controller", "persistentvolume-binder-controller"],
  scheduler: true,
  rounds: 4,
  compared: [],
  async play(world, namespace) {
    await addRoom(world);
    const classes = world.client.resource(storageClasses);
    if ((await classes.list()).items.length === 0)
      await create(world, storageClasses, undefined, {
        metadata: { name: "local" },
        provisioner: "kubernetes.io/no-provisioner",
        volumeBindingMode: "WaitForFirstConsumer",
      });
    const made = world.client.resource(persistentVolumes);
    for (const { metadata } of (await made.list()).items) {
      await made.patch(metadata?.name ?? "", { metadata: { finalizers: null } }, { type: "merge" });
      await made.delete(metadata?.name ?? "");
    }
    for (const host of ["node-1", "node-2", "node-3"]) {
      const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: [host] }];
      await create(world, persistentVolumes, undefined, {
        metadata: { name: `${namespace}-${host}` },
        spec: {
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteOnce"],
          storageClassName: "local",
          local: { path: "/mnt" },
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
        },
      });
    }
    for (const name of ["a", "b", "c"]) {
      await create(world, persistentVolumeClaims, namespace, {
        metadata: { name },
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: "local",
          resources: { requests: { storage: "1Gi" } },
        },
      });
      const volume = { name: "v", persistentVolumeClaim: { claimName: name } };
      await create(world, pods, namespace, {
        metadata: { name, labels: { kind: "claims" } },
        spec: { containers: [container("x:1")], volumes: [volume] },
      });
    }
    await world.until("all are placed", async () => {
      return (await podsWith(world, namespace, "claims")).filter(isPlaced).length === 3;
    });
    const used = await Promise.all(
      (await podsWith(world, namespace, "claims")).map(async ({ metadata, spec }) => {
        const claim = await world.client.resource(persistentVolumeClaims, namespace).get(metadata?.name ?? "");
        if (claim.spec?.volumeName !== `${namespace}-${spec?.nodeName}`)
          throw new Error(`${metadata?.name} is on ${spec?.nodeName}, and its volume is ${claim.spec?.volumeName}`);
        return claim.spec.volumeName;
      }),
    );
    if (new Set(used).size !== 3) throw new Error(`some share a volume: ${used.join()}`);
    // Which of them is where is nobody's concern.
    await world.client.resource(pods, namespace).deleteCollection({ gracePeriodSeconds: 0 });
  },
};

const garbage: Scenario = {
  name: "owners are deleted: in the background, in the foreground, and their dependents left",
  controllers: ["garbage-collector-controller", "deployment-controller", "replicaset-controller"],
  rounds: 4,
  compared: [deployments],
  async play(world, namespace) {
    for (const policy of ["Background", "Foreground", "Orphan"] as const) {
      await create(world, deployments, namespace, {
        metadata: { name: "web" },
        spec: { replicas: 2, selector, template: template(`x:${policy}`) },
      });
      await settled(world, deployments, namespace, { availableReplicas: 2, replicas: 2 });
      await world.client.resource(deployments, namespace).delete("web", { propagationPolicy: policy });
      await gone(world, deployments, namespace, "web");
      const left = policy === "Orphan" ? 2 : 0;
      await world.until(`${left} pods after ${policy}`, async () => {
        return (await world.client.resource(pods, namespace).list()).items.length === left;
      });
    }
  },
};

const namespaceEnd: Scenario = {
  name: "a namespace is emptied and goes",
  controllers: ["namespace-controller", "replicaset-controller"],
  rounds: 4,
  compared: [],
  async play(world, namespace) {
    const name = `${namespace}-inner`;
    await create(world, configMaps, namespace, { metadata: { name: "stays" } });
    await create(world, namespaces, undefined, { metadata: { name } });
    for (const each of ["a", "b", "c"]) {
      await create(world, configMaps, name, { metadata: { name: each } });
      await create(world, secrets, name, { metadata: { name: each } });
    }
    await create(world, replicaSets, name, {
      metadata: { name: "web" },
      spec: { replicas: 3, selector, template: template("x:1", {}) },
    });
    await settled(world, replicaSets, name, { replicas: 3 });
    await world.client.resource(namespaces).delete(name);
    await gone(world, namespaces, undefined, name);
    for (const type of [pods, configMaps, secrets, replicaSets]) {
      const { items } = await world.client.resource<KubeObject>(type, name).list();
      if (items.length > 0) throw new Error(`${type.resource} were left in a namespace that is gone`);
    }
  },
};

export const SCENARIOS: readonly Scenario[] = [
  deployment,
  replicaSet,
  statefulSet,
  job,
  indexedJob,
  cronJob,
  replicationController,
  daemonSet,
  placing,
  volumes,
  garbage,
  namespaceEnd,
];
