import type { PodSpec, Service } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { infoOf } from "../harness.testing.ts";
import { strategyFor } from "../index.ts";
import { cidrWarnings, ipWarnings } from "./addresses.ts";
import { serviceWarnings } from "./kinds.ts";
import { podSpecWarnings, podTemplateWarnings } from "./pods.ts";

const container = { name: "c", image: "i" };
const ofPod = (spec: object, annotations: Record<string, string> = {}): string[] =>
  podSpecWarnings({ containers: [container], ...spec } as PodSpec, { annotations });
const ofContainer = (part: object): string[] => ofPod({ containers: [{ ...container, ...part }] });

describe("warnings about pods", () => {
  it.each<[string, string[], string[]]>([
    ["a plain pod", ofPod({}), []],
    [
      "old labels of nodes",
      ofPod({
        nodeSelector: { "beta.kubernetes.io/os": "linux" },
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: "beta.kubernetes.io/arch", operator: "Exists" }] }],
            },
          },
        },
        topologySpreadConstraints: [{ topologyKey: "failure-domain.beta.kubernetes.io/zone" }],
      }),
      [
        'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead',
        'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
        "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
      ],
    ],
    [
      "annotations that do nothing",
      ofPod(
        {},
        {
          "scheduler.alpha.kubernetes.io/critical-pod": "",
          "container.seccomp.security.alpha.kubernetes.io/c": "x",
          "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
        },
      ),
      [
        'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
        'metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+; use the "seccompProfile" field instead',
      ],
    ],
    [
      "volumes that went",
      ofPod({
        volumes: [
          { name: "v", gitRepo: { repository: "r" } },
          { name: "w", rbd: {} },
        ],
      }),
      [
        "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
        "spec.volumes[1].rbd: deprecated in v1.28, non-functional in v1.31+",
      ],
    ],
    [
      "files in each other's place",
      ofPod({
        volumes: [
          { name: "v", configMap: { name: "m", items: [{ path: "a" }, { path: "a/b" }, { path: "ab" }] } },
          {
            name: "p",
            projected: {
              sources: [{ secret: { name: "s", items: [{ path: "t/" }] } }, { serviceAccountToken: { path: "t" } }, {}],
            },
          },
        ],
      }),
      [
        'volume "v" (ConfigMap "m"): overlapping paths: "a/b" with "a"',
        'volume "p" (Projected) has no sources provided',
        'volume "p" (Projected): overlapping paths: "t" (ServiceAccountToken) with "t" (Secret "s")',
      ],
    ],
    [
      "what is there twice, or empty",
      ofPod({
        hostAliases: [{ ip: "1.1.1.1" }, { ip: "1.1.1.1" }],
        imagePullSecrets: [{ name: "s" }, { name: "s" }, {}],
      }),
      [
        'spec.hostAliases[1].ip: duplicate ip "1.1.1.1"',
        'spec.imagePullSecrets[1].name: duplicate name "s"',
        'spec.imagePullSecrets[2].name: invalid empty name ""',
      ],
    ],
    [
      "parts of bytes",
      ofContainer({ resources: { limits: { memory: "1500m", cpu: "1500m" }, requests: { memory: "1" } } }),
      ['spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer'],
    ],
    [
      "variables that hide others",
      ofContainer({
        env: [
          { name: "X", value: "1" },
          { name: "X", value: "$(X)2" },
          { name: "X", value: "3" },
        ],
      }),
      ['spec.containers[0].env[2]: hides previous definition of "X", which may be dropped when using apply'],
    ],
    [
      "ports",
      ofPod({
        containers: [
          { name: "a", ports: [{ containerPort: 80, protocol: "TCP", hostIP: "1.1.1.1" }] },
          {
            name: "b",
            ports: [
              { containerPort: 80, protocol: "TCP" },
              { containerPort: 80, protocol: "UDP" },
            ],
          },
          { name: "c", ports: [{ containerPort: 90, protocol: "TCP", hostPort: 9 }] },
          { name: "d", ports: [{ containerPort: 90, protocol: "TCP", hostPort: 9, hostIP: "1.1.1.1" }] },
        ],
      }),
      [
        "spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.1.1.1}",
        "spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[0]",
        "spec.containers[3].ports[0]: dangerously ambiguous port definition with spec.containers[2].ports[0]",
      ],
    ],
    [
      "names of ports that several containers have",
      ofPod({
        initContainers: [{ name: "a", ports: [{ containerPort: 80, protocol: "TCP", name: "web" }] }],
        containers: [
          {
            name: "b",
            ports: [
              { containerPort: 81, protocol: "TCP", name: "more" },
              { containerPort: 82, protocol: "TCP", name: "web" },
            ],
          },
        ],
      }),
      [
        'spec.containers[0].ports[1]: duplicate port name "web" with spec.initContainers[0].ports[0], services and probes that select ports by name will use spec.initContainers[0].ports[0]',
      ],
    ],
    [
      "preferences for what no node has",
      ofPod({
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, preference: { matchExpressions: [{ key: "foo", operator: "In", values: ["1", "-1"] }] } },
            ],
          },
        },
      }),
      [
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values[1]: -1 is invalid, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      ],
    ],
    [
      "terms that match nothing, a wait that is none, and addresses",
      ofPod({
        terminationGracePeriodSeconds: -1,
        affinity: {
          podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ podAffinityTerm: {} }] },
        },
        dnsConfig: { nameservers: ["010.0.0.1"] },
      }),
      [
        "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
        "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: a null labelSelector results in matching no pod",
        'spec.dnsConfig.nameservers[0]: non-standard IP address "010.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
      ],
    ],
  ])("%s", (_name, warnings, expected) => {
    expect(warnings).toEqual(expected);
  });

  it("stand at the template's place there, and tell of AppArmor", () => {
    const metadata = { annotations: { "container.apparmor.security.beta.kubernetes.io/c": "unconfined" } };
    const spec = { containers: [container], terminationGracePeriodSeconds: -1 };
    expect(podTemplateWarnings({ metadata, spec }, "spec.template")).toEqual([
      'spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
      "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
    ]);
  });
});

describe("warnings about addresses", () => {
  it.each([
    ["1.2.3.4", []],
    ["fd00::1", []],
    [
      "::ffff:1.2.3.4",
      [
        'p: non-standard IP address "::ffff:1.2.3.4" will be considered invalid in a future Kubernetes release: use "1.2.3.4"',
      ],
    ],
    ["FD00:0::1", ['p: IPv6 address "FD00:0::1" should be in RFC 5952 canonical format ("fd00::1")']],
  ])("%s", (ip, expected) => {
    expect(ipWarnings(ip, "p")).toEqual(expected);
  });

  it.each([
    ["10.0.0.0/8", []],
    [
      "10.1.2.3/8",
      ['p: CIDR value "10.1.2.3/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.1.2.3/32"?)'],
    ],
    [
      "10.0.0.0/08",
      [
        'p: non-standard CIDR value "10.0.0.0/08" will be considered invalid in a future Kubernetes release: use "10.0.0.0/8"',
      ],
    ],
    ["FD00::/8", ['p: IPv6 CIDR value "FD00::/8" should be in RFC 5952 canonical format ("fd00::/8")']],
  ])("%s", (cidr, expected) => {
    expect(cidrWarnings(cidr, "p")).toEqual(expected);
  });
});

describe("warnings of a kind", () => {
  const warnings = (resource: string, body: object, old?: object): string[] =>
    strategyFor(infoOf(resource)).warnings?.(body, old) ?? [];
  const old = { metadata: { generation: 1, annotations: {} } };
  const nameWarning =
    "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [a lowercase";

  it.each<[string, object, object | undefined, string | RegExp]>([
    ["deployments", { metadata: { name: "a.b" } }, undefined, nameWarning],
    ["pods", { metadata: { name: "a.b" } }, undefined, "metadata.name: this is used in the Pod's hostname, which"],
    [
      "statefulsets",
      { metadata: { name: "a" }, spec: { revisionHistoryLimit: -1 } },
      undefined,
      "spec.revisionHistoryLimit: a negative value retains all",
    ],
    ["services", { spec: { type: "ClusterIP", externalName: "x" } }, undefined, "spec.externalName is ignored when"],
    ["nodes", { spec: { externalID: "x" } }, undefined, "spec.externalID: this field is deprecated"],
    [
      "persistentvolumes",
      { spec: { persistentVolumeReclaimPolicy: "Recycle" } },
      undefined,
      "spec.persistentVolumeRec",
    ],
    ["persistentvolumeclaims", { spec: { resources: { requests: { storage: "1m" } } } }, undefined, "spec.resources.r"],
    ["endpointslices", { addressType: "FQDN" }, undefined, "spec.addressType: FQDN endpoints are deprecated"],
    [
      "ingresses",
      { metadata: { annotations: { "kubernetes.io/ingress.class": "x" } } },
      undefined,
      "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead",
    ],
    [
      "networkpolicies",
      { spec: { egress: [{ to: [{ ipBlock: { cidr: "10.0.0.1/8" } }] }] } },
      undefined,
      "spec.egress[0].to[0].ipBlock.cidr: CIDR value",
    ],
    [
      "serviceaccounts",
      { metadata: { annotations: { "kubernetes.io/enforce-mountable-secrets": "true" } } },
      old,
      "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+",
    ],
  ])("%s", (resource, body, before, start) => {
    expect(warnings(resource, body, before).map((text) => text.slice(0, String(start).length))).toEqual([start]);
  });

  it("are not repeated while a spec stays as it is, and none is told of a status", () => {
    const bad = { metadata: { name: "a.b", generation: 1 }, spec: { template: { spec: { hostAliases: [] } } } };
    expect(warnings("deployments", bad, old)).toEqual([]);
    expect(strategyFor(infoOf("deployments")).subresources?.["status"]?.warnings?.(bad)).toEqual([]);
  });
});

describe("warnings about very many things", () => {
  const many = (thing: object): object[] => Array.from({ length: 20_000 }, () => thing);

  // All pairs of them would be two hundred million texts.
  it.each([
    ["files", ofPod({ volumes: [{ name: "v", configMap: { name: "m", items: many({ key: "k", path: "p" }) } }] })],
    ["ports", ofContainer({ ports: many({ containerPort: 80 }) })],
  ])("are no more than an answer can tell: %s", (_what, found) => {
    expect(found.length).toBeGreaterThan(100);
    expect(found.length).toBeLessThan(300);
  });

  it("find the two files among many that are in each other's way", () => {
    const items = Array.from({ length: 20_000 }, (_, i) => ({ key: "k", path: `d${i}/f` }));
    items.push({ key: "k", path: "d7/" }, { key: "k", path: "d77/f/g" });
    expect(ofPod({ volumes: [{ name: "v", configMap: { name: "m", items } }] })).toEqual([
      'volume "v" (ConfigMap "m"): overlapping paths: "d7" with "d7/f"',
      'volume "v" (ConfigMap "m"): overlapping paths: "d77/f/g" with "d77/f"',
    ]);
  });
});

it.each([
  "validatingadmissionpolicies",
  "validatingadmissionpolicybindings",
  "mutatingadmissionpolicies",
  "mutatingadmissionpolicybindings",
  "validatingwebhookconfigurations",
  "mutatingwebhookconfigurations",
])("warns of names of %s that will be reserved, when they are made", (resource) => {
  const strategy = strategyFor(infoOf(resource));
  const named = { metadata: { name: "a.static.k8s.io" } };
  expect(strategy.warnings?.(named)).toEqual([
    'metadata.name: names ending with ".static.k8s.io" will be reserved for static manifest-based configurations when the ManifestBasedAdmissionControlConfig feature gate is enabled',
  ]);
  expect(strategy.warnings?.(named, named)).toEqual([]);
  expect(strategy.warnings?.({ metadata: { name: "a.k8s.io" } })).toEqual([]);
});

it.each<[string, Service["spec"], string[]]>([
  ["used", { type: "ClusterIP" }, ["spec.externalIPs is deprecated"]],
  [
    "ignored, as the Service has no address",
    { type: "ClusterIP", clusterIP: "None", sessionAffinity: "None" },
    ["spec.externalIPs is ignored for headless services"],
  ],
  [
    "ignored, as the Service is a name",
    { type: "ExternalName" },
    ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
  ],
])("tells of external addresses that are %s", (_, spec, warnings) => {
  expect(serviceWarnings({ spec: { ...spec, externalIPs: ["192.0.2.1"] } })).toEqual(warnings);
});
