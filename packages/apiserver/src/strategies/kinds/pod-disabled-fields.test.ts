// Fields of features that are off: new ones are dropped, stored ones stay.
import { describe, expect, it } from "vitest";
import { created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const projected = (): object => ({
  sources: [
    { clusterTrustBundle: { path: "a", name: "b" } },
    { podCertificate: { signerName: "a/b", keyType: "ED25519", credentialBundlePath: "p" } },
    { configMap: { name: "m" } },
  ],
});
const spec = (): Loose => ({
  restartPolicy: "Never",
  schedulingGroup: { podGroupName: "g" },
  os: { name: "linux" },
  containers: [
    { name: "c", image: "i:1", lifecycle: { stopSignal: "SIGTERM" } },
    { name: "d", image: "i:1", lifecycle: { stopSignal: "SIGTERM", postStart: { sleep: { seconds: 1 } } } },
  ],
  volumes: [{ name: "v", projected: projected() }],
});
const bare = (dropped: Loose): void => {
  expect(dropped.schedulingGroup).toBeUndefined();
  expect(dropped.containers[0].lifecycle).toBeUndefined();
  expect(dropped.containers[1].lifecycle).toEqual({ postStart: { sleep: { seconds: 1 } } });
  expect(dropped.volumes[0].projected.sources).toEqual([{}, {}, { configMap: { name: "m" } }]);
};

describe("fields of features that are off", () => {
  const pods = infoOf("pods");
  const pod = (): Loose => ({ metadata: { name: "p", namespace: "default" }, spec: spec() });

  it("are not kept of new pods", () => bare(created(pods, pod()).spec));

  it("stay in stored ones", () => {
    const stored = { ...created(pods, pod()), spec: { ...created(pods, pod()).spec, ...spec() } };
    const { next } = updated(pods, stored, (each) => (each.metadata.labels = { a: "b" }));
    expect(next.spec).toMatchObject(spec());
  });

  const labels = { a: "b" };
  const template = (): object => ({ metadata: { labels }, spec: spec() });
  const selector = { matchLabels: labels };
  const kinds: [string, string, (template: object) => object, (body: Loose) => Loose][] = [
    ...["deployments", "replicasets", "daemonsets", "statefulsets"].map((resource): (typeof kinds)[number] => [
      resource,
      "apps",
      (each) => ({ selector, template: each }),
      (body) => body.spec.template,
    ]),
    ["replicationcontrollers", "", (each) => ({ selector: labels, template: each }), (body) => body.spec.template],
    ["jobs", "batch", (each) => ({ template: each }), (body) => body.spec.template],
    [
      "cronjobs",
      "batch",
      (each) => ({ schedule: "* * * * *", jobTemplate: { spec: { template: each } } }),
      (body) => body.spec.jobTemplate.spec.template,
    ],
  ];

  it.each(kinds)("are not kept of templates of %s, but of stored ones", (resource, group, body, templateOf) => {
    const info = infoOf(resource, group);
    const made = created(info, { metadata: { name: "w", namespace: "default", uid: "u" }, spec: body(template()) });
    bare(templateOf(made).spec);
    Object.assign(templateOf(made).spec, spec());
    const { next } = updated(info, made, (each) => (each.metadata.annotations = labels));
    expect(templateOf(next).spec).toMatchObject(spec());
    bare(
      templateOf(updated(info, { ...made, spec: body(plain()) }, (each) => (each.spec = body(template()))).next).spec,
    );
  });
  const plain = (): object => ({ metadata: { labels }, spec: { containers: [{ name: "c", image: "i:1" }] } });

  it("are not kept of pod templates", () => {
    const info = infoOf("podtemplates");
    bare(created(info, { metadata: { name: "t", namespace: "default" }, template: template() }).template.spec);
  });

  it("are not kept of what a node tells", () => {
    const { next } = updated(
      pods,
      created(pods, pod()),
      (each) => {
        each.status.nodeAllocatableResourceClaimStatuses = [{ resourceClaimName: "c" }];
        each.status.containerStatuses = [
          { name: "c", stopSignal: "SIGTERM", volumeMounts: [{ name: "v", mountPath: "/v", volumeStatus: {} }] },
        ];
      },
      "status",
    );
    expect(next.status.nodeAllocatableResourceClaimStatuses).toBeUndefined();
    expect(next.status.containerStatuses).toEqual([{ name: "c", volumeMounts: [{ name: "v", mountPath: "/v" }] }]);
  });
});
