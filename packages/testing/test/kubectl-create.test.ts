// What `kubectl create` makes by itself, and `run`, `expose` and `autoscale`; as upstream's test/cmd looks at it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { TestEnvironment } from "@knots/testing";
import { kubectlInstalled, Kubectl } from "./kubectl-cli.ts";

describe.skipIf(!kubectlInstalled)("kubectl", { concurrent: true, timeout: 60_000 }, () => {
  let environment: TestEnvironment;
  let kubectl: Kubectl;
  beforeAll(async () => {
    environment = await TestEnvironment.start({
      controllers: ["serviceaccount-controller", "garbage-collector-controller"],
      disableAdmissionPlugins: ["ServiceAccount"],
    });
    kubectl = await Kubectl.for(environment);
  });
  afterAll(async () => {
    await environment[Symbol.asyncDispose]();
    await kubectl[Symbol.asyncDispose]();
  });

  const json = async (line: string): Promise<unknown> =>
    JSON.parse(await kubectl.line(`get ${line} -o json`)) as unknown;
  /** A dry run of a line leaves nothing behind, then it makes `what`. */
  async function makes(args: readonly string[], what: string, flags: readonly string[] = []): Promise<unknown> {
    const at = args.indexOf("--");
    const withFlags = (...more: string[]): string[] => (at < 0 ? [...args, ...more] : args.toSpliced(at, 0, ...more));
    expect(await kubectl.run(withFlags("--dry-run=server"))).toBe(`${what} created (server dry run)\n`);
    expect(await kubectl.run(["get", what, ...flags, "--ignore-not-found"])).toBe("");
    expect(await kubectl.run(args)).toBe(`${what} created\n`);
    const made = JSON.parse(await kubectl.run(["get", what, ...flags, "-o", "json", "--show-managed-fields"])) as {
      metadata: { managedFields?: { manager: string }[] };
    };
    // Of an object that is but a name nobody manages anything.
    for (const { manager } of made.metadata.managedFields ?? []) expect(manager).toBe("kubectl-create");
    return made;
  }
  /** `create` in a namespace of its own. */
  async function creates(line: string, what: string, ns?: string): Promise<unknown> {
    const namespace = ns ?? (await environment.namespace());
    return await makes(["-n", namespace, "create", ...line.split(" ")], what, ["-n", namespace]);
  }

  test("create clusterrole, role: by resources, names, URLs, aggregation", async () => {
    expect(
      await creates(
        "clusterrole pod-admin --verb=* --resource=pods",
        "clusterrole.rbac.authorization.k8s.io/pod-admin",
      ),
    ).toMatchObject({
      rules: [{ verbs: ["*"], apiGroups: [""], resources: ["pods"] }],
    });
    const rules = [
      { verbs: ["get", "list"], apiGroups: [""], resources: ["pods/status"] },
      { verbs: ["get", "list"], apiGroups: ["apps"], resources: ["deployments", "replicasets/scale"] },
    ];
    const reads = "--verb=get,list --resource=pods/status,deployments.apps,rs.apps/scale";
    expect(await creates(`role reader ${reads}`, "role.rbac.authorization.k8s.io/reader")).toMatchObject({ rules });
    expect(await creates(`clusterrole reader ${reads}`, "clusterrole.rbac.authorization.k8s.io/reader")).toMatchObject({
      rules,
    });
    expect(
      await creates(
        "role named --verb=get --resource=pods --resource-name=foo",
        "role.rbac.authorization.k8s.io/named",
      ),
    ).toMatchObject({ rules: [{ resourceNames: ["foo"] }] });
    const urls = "--verb=get --non-resource-url=/logs/* --non-resource-url=/healthz/*";
    expect(await creates(`clusterrole urls ${urls}`, "clusterrole.rbac.authorization.k8s.io/urls")).toMatchObject({
      rules: [{ verbs: ["get"], nonResourceURLs: ["/logs/*", "/healthz/*"] }],
    });
    expect(
      await creates("clusterrole sum --aggregation-rule=foo1=foo2", "clusterrole.rbac.authorization.k8s.io/sum"),
    ).toMatchObject({ aggregationRule: { clusterRoleSelectors: [{ matchLabels: { foo1: "foo2" } }] } });
    for (const [resource, named] of [
      ["invalid-resource", '"invalid-resource"'],
      ["deployments.invalid-group", '"deployments" in group "invalid-group"'],
      ["rs.invalid-group/scale", '"rs" in group "invalid-group"'],
    ])
      expect(await kubectl.fails(`create role bad --verb=get --resource=${resource}`)).toContain(
        `the server doesn't have a resource type ${named}`,
      );
  });

  test("create clusterrolebinding, rolebinding; set subject adds to one and to all", async () => {
    const ns = await environment.namespace();
    const users = "--clusterrole=admin --user=user-1 --user=user-2 --group=the-group --serviceaccount=otherns:sa-name";
    const subjects = [
      { kind: "User", name: "user-1", apiGroup: "rbac.authorization.k8s.io" },
      { kind: "User", name: "user-2", apiGroup: "rbac.authorization.k8s.io" },
      { kind: "Group", name: "the-group", apiGroup: "rbac.authorization.k8s.io" },
      { kind: "ServiceAccount", name: "sa-name", namespace: "otherns" },
    ];
    for (const kind of ["clusterrolebinding", "rolebinding"]) {
      const shown = `${kind}.rbac.authorization.k8s.io`;
      const roleRef = { kind: "ClusterRole", name: "admin" };
      expect(await creates(`${kind} multi ${users}`, `${shown}/multi`, ns)).toMatchObject({ roleRef, subjects });
      const set = `set subject ${kind} multi -n ${ns} --user=foo`;
      expect(await kubectl.line(`${set} --dry-run=server`)).toBe(`${shown}/multi subjects updated (server dry run)\n`);
      expect(await kubectl.line(set)).toBe(`${shown}/multi subjects updated\n`);
      expect(await json(`${kind} multi -n ${ns}`)).toMatchObject({ subjects: [...subjects, { name: "foo" }] });
    }
    expect(
      await creates(
        "rolebinding local --role=localrole --group=the-group",
        "rolebinding.rbac.authorization.k8s.io/local",
        ns,
      ),
    ).toMatchObject({ roleRef: { kind: "Role", name: "localrole" } });
    await kubectl.line(`set subject rolebinding --all --user=everyone -n ${ns}`);
    for (const name of ["multi", "local"])
      expect(await kubectl.line(`get rolebinding ${name} -n ${ns} -o jsonpath={.subjects[*].name}`)).toMatch(
        / everyone$/,
      );
  });

  test("create configmap, secret, serviceaccount, token", async () => {
    const ns = await environment.namespace();
    const binary = await kubectl.file("binary", new Uint8Array([0xff, 0]));
    await kubectl.file("plain.txt", "text");
    await kubectl.file("some.env", "ONE=1\n");
    expect(await creates("configmap env --from-env-file=some.env", "configmap/env", ns)).toMatchObject({
      data: { ONE: "1" },
    });
    expect(
      await creates(
        `configmap map --from-literal=key1=value1 --from-file=${binary} --from-file=renamed=plain.txt`,
        "configmap/map",
        ns,
      ),
    ).toMatchObject({ data: { key1: "value1", renamed: "text" }, binaryData: { binary: "/wA=" } });
    expect(
      await creates("secret generic plain --from-literal=key1=value1 --type=test-type", "secret/plain", ns),
    ).toMatchObject({
      type: "test-type",
      data: { key1: "dmFsdWUx" },
    });
    const docker = "--docker-username=test-user --docker-password=test-password --docker-email=test-user@test.com";
    expect(await creates(`secret docker-registry registry ${docker}`, "secret/registry", ns)).toMatchObject({
      type: "kubernetes.io/dockerconfigjson",
    });
    expect(await creates("serviceaccount robot", "serviceaccount/robot", ns)).toMatchObject({ kind: "ServiceAccount" });
    const token = (await kubectl.line(`create token robot -n ${ns} --duration=1h --audience=me`)).trim();
    expect(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString())).toMatchObject({
      aud: ["me"],
      sub: `system:serviceaccount:${ns}:robot`,
    });
    const bound = JSON.parse(
      await kubectl.line(`create token robot -n ${ns} --bound-object-kind=Secret --bound-object-name=plain -o json`),
    ) as object;
    expect(bound).toMatchObject({ kind: "TokenRequest", spec: { boundObjectRef: { kind: "Secret", name: "plain" } } });
    expect(
      await kubectl.fails(`create token robot -n ${ns} --bound-object-kind=Secret --bound-object-name=none`),
    ).toContain('secrets "none" not found');
  });

  test("create deployment, job, cronjob, a job from a cronjob", async () => {
    const ns = await environment.namespace();
    const flags = ["-n", ns];
    expect(
      await makes(
        [
          ...flags,
          "create",
          "deployment",
          "web",
          "--image=nginx:test-cmd",
          "--port=80",
          "--replicas=2",
          "--",
          "/bin/sleep",
          "infinity",
        ],
        "deployment.apps/web",
        flags,
      ),
    ).toMatchObject({
      metadata: { labels: { app: "web" } },
      spec: {
        replicas: 2,
        revisionHistoryLimit: 10,
        template: {
          spec: {
            containers: [{ name: "nginx", command: ["/bin/sleep", "infinity"], ports: [{ containerPort: 80 }] }],
          },
        },
      },
    });
    const perl = ["--image=perl", "--", "perl", "-wle", "print bpi(10)"];
    expect(await makes([...flags, "create", "job", "pi", ...perl], "job.batch/pi", flags)).toMatchObject({
      spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "pi", command: perl.slice(2) }] } } },
    });
    await makes(
      [...flags, "create", "cronjob", "often", "--schedule=* */5 * * *", ...perl],
      "cronjob.batch/often",
      flags,
    );
    expect(
      await makes([...flags, "create", "job", "once", "--from=cronjob/often"], "job.batch/once", flags),
    ).toMatchObject({
      metadata: {
        annotations: { "cronjob.kubernetes.io/instantiate": "manual" },
        ownerReferences: [{ kind: "CronJob", name: "often", controller: true }],
      },
      spec: { template: { spec: { containers: [{ command: perl.slice(2) }] } } },
    });
  });

  test("create service, ingress, pdb, priorityclass, quota, namespace", async () => {
    const ns = await environment.namespace();
    expect(await creates("service clusterip in --tcp=5678:8080", "service/in", ns)).toMatchObject({
      spec: {
        type: "ClusterIP",
        selector: { app: "in" },
        ports: [{ name: "5678-8080", port: 5678, targetPort: 8080 }],
      },
    });
    expect(await creates("service clusterip headless --clusterip=None --tcp=80", "service/headless", ns)).toMatchObject(
      {
        spec: { clusterIP: "None" },
      },
    );
    expect(await creates("service nodeport out --tcp=80 --node-port=30080", "service/out", ns)).toMatchObject({
      spec: { type: "NodePort", ports: [{ nodePort: 30080 }] },
    });
    expect(await creates("service loadbalancer front --tcp=80", "service/front", ns)).toMatchObject({
      spec: { type: "LoadBalancer" },
    });
    expect(await creates("service externalname far --external-name bar.com", "service/far", ns)).toMatchObject({
      spec: { type: "ExternalName", externalName: "bar.com" },
    });
    expect(
      await creates("ingress in --class=c --rule=foo.com/bar*=svc1:8080,tls=cert", "ingress.networking.k8s.io/in", ns),
    ).toMatchObject({
      spec: {
        ingressClassName: "c",
        rules: [
          {
            host: "foo.com",
            http: {
              paths: [
                { path: "/bar", pathType: "Prefix", backend: { service: { name: "svc1", port: { number: 8080 } } } },
              ],
            },
          },
        ],
        tls: [{ hosts: ["foo.com"], secretName: "cert" }],
      },
    });
    for (const [flag, spec] of [
      ["min-available=2", { minAvailable: 2 }],
      ["min-available=50%", { minAvailable: "50%" }],
      ["max-unavailable=2", { maxUnavailable: 2 }],
      ["max-unavailable=50%", { maxUnavailable: "50%" }],
    ] as const) {
      const name = flag.replaceAll(/[=%]/g, "-").replace(/-$/, "p");
      expect(
        await creates(`pdb ${name} --selector=app=rails --${flag}`, `poddisruptionbudget.policy/${name}`, ns),
      ).toMatchObject({ spec: { ...spec, selector: { matchLabels: { app: "rails" } } } });
    }
    await kubectl.fails("create pdb both --selector=app=rails --min-available=2 --max-unavailable=3");
    expect(
      await creates(
        "priorityclass high --value=1000 --description=high --preemption-policy=Never",
        "priorityclass.scheduling.k8s.io/high",
      ),
    ).toMatchObject({ value: 1000, preemptionPolicy: "Never", description: "high" });
    expect(await kubectl.fails(`create quota bad --hard=cpu=1,pods=2 --scopes=BestEffort -n ${ns}`)).toContain(
      "unsupported scope applied to resource",
    );
    expect(await creates("quota test --hard=pods=2 --scopes=BestEffort", "resourcequota/test", ns)).toMatchObject({
      spec: { hard: { pods: "2" }, scopes: ["BestEffort"] },
    });
    expect(await creates("namespace made", "namespace/made")).toMatchObject({ status: { phase: "Active" } });
  });

  test("create reads what the server is sent: raw posts, strict fields, selectors, edits, reviews", async () => {
    const ns = await environment.namespace();
    const pod = (name: string, labels: object = {}): object => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels },
      spec: { containers: [{ name: "c", image: "nginx" }] },
    });
    const raw = await kubectl.tried(["create", "--raw", "/api/v1/namespaces", "-f", "-", "-v=8"], stringify(pod("p")));
    expect(raw.out + raw.err).toContain("the object provided is unrecognized (must be of type Namespace)");
    const configMap = `/api/v1/namespaces/${ns}/configmaps`;
    const map = (data: object): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "raw" }, data });
    await kubectl.line(`create --raw ${configMap} -f -`, map({}));
    expect(await kubectl.line(`replace --raw ${configMap}/raw -f -`, map({ key1: "config1" }))).toContain('"uid"');
    expect(await kubectl.line(`get --raw ${configMap}/raw`)).toContain("config1");
    await kubectl.line(`delete --raw ${configMap}/raw`);
    expect(await kubectl.fails(`get configmap raw -n ${ns}`)).toContain('configmaps "raw" not found');

    const list = { apiVersion: "v1", kind: "List", items: [pod("applied", { only: "yes" }), pod("left")] };
    expect(await kubectl.line(`create -n ${ns} -l only=yes -f -`, list)).toBe("pod/applied created\n");
    const odd = { ...pod("odd"), spec: { containers: [{ name: "c", image: "nginx", imagepullpolicy: "x" }], foo: 1 } };
    expect(await kubectl.fails(`create -n ${ns} -f -`, odd)).toBe(
      'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].imagepullpolicy", unknown field "spec.foo"\n',
    );
    expect((await kubectl.tried(["create", "-n", ns, "--validate=warn", "-f", "-"], odd)).err).toContain(
      'Warning: unknown field "spec.foo"',
    );
    const edited = await kubectl.run(
      ["create", "-n", ns, "--edit", "-f", await kubectl.file("mock.json", map({ mock: "1" }))],
      "",
      {
        EDITOR: "sed -i s/mock/modified/g",
      },
    );
    expect(edited).toBe("configmap/raw created\n");
    expect(await json(`configmap raw -n ${ns}`)).toMatchObject({ data: { modified: "1" } });
    const same = await kubectl.tried(["create", "--edit", "-f", "mock.json"], "", { EDITOR: "cat" });
    expect(same.out + same.err).toContain("Edit cancelled");

    for (const [group, kind, spec] of [
      ["authentication.k8s.io", "TokenReview", { token: "t" }],
      ["authorization.k8s.io", "SubjectAccessReview", { user: "u", nonResourceAttributes: { path: "/", verb: "get" } }],
      ["authorization.k8s.io", "SelfSubjectRulesReview", { namespace: ns }],
    ] as const) {
      const review = { apiVersion: `${group}/v1`, kind, spec };
      expect(JSON.parse(await kubectl.line("create -f - -o json", review))).toHaveProperty("status");
      expect(await kubectl.line("create -f -", review)).toBe(`${kind.toLowerCase()}.${group}/<unknown> created\n`);
    }
  });

  test("run makes a pod and its Service; expose copies ports and selectors; autoscale", async () => {
    const ns = await environment.namespace();
    const flags = ["-n", ns];
    const run = [...flags, "run", "meta", "--image=nginx", "--port=80", "--expose"];
    expect(await kubectl.run([...run, "--dry-run=server"])).toBe(
      "service/meta created (server dry run)\npod/meta created (server dry run)\n",
    );
    expect(await kubectl.run(run)).toBe("service/meta created\npod/meta created\n");
    expect(await json(`service meta -n ${ns}`)).toMatchObject({
      spec: { selector: { run: "meta" }, ports: [{ port: 80 }] },
    });
    const overrides = '{"metadata":{"annotations":{"zone-context":"work"}}}';
    await kubectl.run([
      ...flags,
      "expose",
      "pod",
      "meta",
      "--port=1000",
      "--target-port=80",
      "--type=NodePort",
      "--name=exposed",
      "--overrides",
      overrides,
    ]);
    expect(await json(`service exposed -n ${ns} --show-managed-fields`)).toMatchObject({
      metadata: { annotations: { "zone-context": "work" }, managedFields: [{ manager: "kubectl-expose" }] },
    });
    expect(await kubectl.line(`expose service exposed --name=again -n ${ns}`)).toBe("service/again exposed\n");
    expect(await json(`service again -n ${ns}`)).toMatchObject({ spec: { ports: [{ port: 1000 }] } });
    expect(await kubectl.fails("expose nodes 127.0.0.1")).toMatch(/cannot expose|not found/);
    expect(
      await kubectl.fails(
        `expose pod meta -n ${ns} --port=1 --name=invalid-large-service-name-that-has-more-than-sixty-three-characters`,
      ),
    ).toContain("metadata.name: Invalid value");
    const ports = [
      { containerPort: 2380, name: "a" },
      { containerPort: 2379, name: "b" },
    ];
    await kubectl.line(`create -n ${ns} -f -`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "etcd", labels: { test: "etcd" } },
      spec: { containers: [{ name: "c", image: "etcd", ports }] },
    });
    await kubectl.line(`expose pod etcd --name=etcd-server -n ${ns}`);
    expect(await json(`service etcd-server -n ${ns}`)).toMatchObject({
      spec: {
        ports: [
          { name: "port-1", port: 2380 },
          { name: "port-2", port: 2379 },
        ],
      },
    });

    await kubectl.line(`create deployment web --image=nginx -n ${ns}`);
    const autoscale = `autoscale deployment web --min=2 --max=3 --cpu-percent=70 -n ${ns}`;
    expect(await kubectl.line(`${autoscale} --dry-run=server`)).toContain("autoscaled (server dry run)");
    expect(await kubectl.line(`get hpa web -n ${ns} --ignore-not-found`)).toBe("");
    expect(await kubectl.line(autoscale)).toBe("horizontalpodautoscaler.autoscaling/web autoscaled\n");
    expect(await json(`horizontalpodautoscalers.v1.autoscaling web -n ${ns}`)).toMatchObject({
      spec: { minReplicas: 2, maxReplicas: 3, targetCPUUtilizationPercentage: 70 },
    });
    await kubectl.fails(`autoscale deployment web -n ${ns}`);
  });
});
