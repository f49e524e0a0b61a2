// Rollouts, `set` and `scale`, with the controllers of the workloads; as upstream's test/cmd looks at them.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { TestEnvironment } from "@knots/testing";
import { kubectlInstalled, Kubectl } from "./kubectl-cli.ts";

describe.skipIf(!kubectlInstalled)("kubectl", { concurrent: true, timeout: 60_000 }, () => {
  let environment: TestEnvironment;
  let kubectl: Kubectl;
  beforeAll(async () => {
    environment = await TestEnvironment.start({
      controllers: [
        "deployment-controller",
        "replicaset-controller",
        "daemonset-controller",
        "statefulset-controller",
        "garbage-collector-controller",
      ],
      disableAdmissionPlugins: ["ServiceAccount"],
    });
    kubectl = await Kubectl.for(environment);
  });
  afterAll(async () => {
    await environment[Symbol.asyncDispose]();
    await kubectl[Symbol.asyncDispose]();
  });

  const labels = { app: "web" };
  const workload = (kind: string, name: string, images: readonly string[], more: object = {}): object => ({
    apiVersion: "apps/v1",
    kind,
    metadata: { name, labels: { run: "hello" } },
    spec: {
      selector: { matchLabels: labels },
      ...(kind === "StatefulSet" ? { serviceName: "web", replicas: 0 } : {}),
      template: {
        metadata: { labels },
        spec: { containers: images.map((image, index) => ({ name: `c${index}`, image })) },
      },
      ...more,
    },
  });
  /** A namespace, and what is asked of one object in it. */
  async function within(
    kind: string,
    name: string,
  ): Promise<{
    ns: string;
    run: (line: string, input?: object) => Promise<string>;
    fails: (line: string) => Promise<string>;
    value: (path: string) => Promise<string>;
    images: () => Promise<string>;
    eventually: (path: string, expected: string) => Promise<void>;
  }> {
    const ns = await environment.namespace();
    const value = (path: string): Promise<string> => kubectl.line(`get ${kind} ${name} -n ${ns} -o jsonpath={${path}}`);
    return {
      ns,
      run: (line, input) => kubectl.line(`-n ${ns} ${line}`, input),
      fails: (line) => kubectl.fails(`-n ${ns} ${line}`),
      value,
      images: () => value(".spec.template.spec.containers[*].image"),
      eventually: async (path, expected) => {
        await vi.waitFor(async () => expect(await value(path)).toBe(expected), { timeout: 15_000, interval: 50 });
      },
    };
  }

  test("rolls a Deployment back and on, unless it is paused", async () => {
    const { ns, run, fails, images, value, eventually } = await within("deployment", "web");
    const revision = ".metadata.annotations.deployment\\.kubernetes\\.io/revision";
    await run("create -f -", workload("Deployment", "web", ["r1"]));
    await eventually(revision, "1");
    expect(await run("rollout undo deployment web --to-revision=1")).toMatch(
      /skipped rollback \(current template already matches revision 1\)/,
    );
    await run("apply -f -", workload("Deployment", "web", ["r2"]));
    await eventually(revision, "2");
    expect(await run("rollout undo deployment web --dry-run=client")).toContain("r1");
    expect(await run("rollout undo deployment web --dry-run=server")).toBe(
      "deployment.apps/web rolled back (server dry run)\n",
    );
    expect(await images()).toBe("r2");
    expect(await run("rollout undo deployment web --to-revision=1")).toBe("deployment.apps/web rolled back\n");
    expect(await images()).toBe("r1");
    await eventually(revision, "3");
    expect(await fails("rollout undo deployment web --to-revision=1000000")).toContain(
      "unable to find specified revision 1000000",
    );
    await run("rollout undo deployment web");
    expect(await images()).toBe("r2");
    await eventually(revision, "4");
    expect(await run("rollout history deployment web")).toMatch(/REVISION\s+CHANGE-CAUSE\n3\s+<none>\n4\s+<none>\n/);
    expect(await run("rollout history deployment web --revision=3")).toMatch(/with revision #3[^]*Image:\s+r1/);

    expect(await run("rollout pause deployment web")).toBe("deployment.apps/web paused\n");
    expect(await fails("rollout pause deployment web")).toMatch(/already paused/);
    expect(await fails("rollout undo deployment web")).toContain("cannot rollback a paused deployment");
    expect(await fails("rollout restart deployment web")).toContain("can't restart paused deployment");
    expect(await run("rollout resume deployment web")).toBe("deployment.apps/web resumed\n");
    await run("rollout undo deployment web");
    await eventually(revision, "5");
    const current = (await run(`get rs -o jsonpath={range.items[*]}{.metadata.name}={${revision}}{"\\n"}{end}`)).match(
      /^(\S+)=5$/m,
    )?.[1];
    expect(await run(`get rs ${current} -o yaml`)).toContain("deployment.kubernetes.io/revision-history: 1,3");
    expect(await fails("rollout status deployment web --revision=3")).toContain(
      "desired revision (3) is different from the running revision (5)",
    );
    expect(await run("rollout restart deployment web")).toBe("deployment.apps/web restarted\n");
    await eventually(revision, "6");
    expect(
      await run("get deployment web --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}"),
    ).toContain("kubectl-rollout");
    expect(await run("describe deployment web")).toMatch(/OldReplicaSets:\s+web-[^]*NewReplicaSet:\s+web-/);
    expect(await value(".metadata.generation")).toBe(await value(".status.observedGeneration"));
    // Nobody runs its pods, so it waits.
    expect((await kubectl.tried(["-n", ns, "rollout", "status", "deployment", "web", "--timeout=1s"])).out).toMatch(
      /^Waiting for deployment "web" rollout to finish: /,
    );
    expect(await run("delete deployment web --cascade=foreground")).toMatch(/^deployment\.apps "web" deleted/);
    expect(await run("get rs -o name")).toBe("");
  });

  test.each(["DaemonSet", "StatefulSet"])("rolls a %s back by its controller revisions", async (kind) => {
    const word = kind.toLowerCase();
    const { run, fails, images, value } = await within(word, "web");
    const recorded = async (count: number): Promise<void> => {
      await vi.waitFor(
        async () => expect((await run("get controllerrevisions -o name")).match(/\n/g)).toHaveLength(count),
        {
          timeout: 15_000,
          interval: 50,
        },
      );
    };
    await run("apply --record -f -", workload(kind, "web", ["r1"]));
    await recorded(1);
    expect(await run("get controllerrevisions -o jsonpath={.items[0].metadata.annotations}")).toContain(
      "kubectl apply",
    );
    await run("apply -f -", workload(kind, "web", ["r1"]));
    expect(await value(".metadata.generation")).toBe("1");
    expect(await run(`rollout undo ${word} --to-revision=1`)).toMatch(/rolled back|skipped rollback/);
    expect(await images()).toBe("r1");
    await run("apply -f -", workload(kind, "web", ["r2", "pause"]));
    await recorded(2);
    expect(await run(`rollout undo ${word} web --dry-run=server`)).toMatch(/rolled back \(server dry run\)/);
    expect(await images()).toBe("r2 pause");
    expect(await run(`rollout history ${word} web`)).toMatch(/REVISION\s+CHANGE-CAUSE\n1\s+kubectl apply.*\n2\s+\S+/);
    expect(await run(`rollout history ${word} web --revision=2`)).toMatch(/Image:\s+pause/);
    expect(await run(`rollout undo ${word} web --to-revision=1`)).toBe(`${word}.apps/web rolled back\n`);
    expect(await images()).toBe("r1");
    expect(await fails(`rollout undo ${word} web --to-revision=1000000`)).toContain(
      "unable to find specified revision 1000000",
    );
    // The controller numbers the old revision anew.
    await vi.waitFor(
      async () => expect(await run("get controllerrevisions -o jsonpath={.items[*].revision}")).toMatch(/^(2 3|3 2)$/),
      { timeout: 15_000, interval: 50 },
    );
    await run(`rollout undo ${word} web`);
    expect(await images()).toBe("r2 pause");
    const generation = Number(await value(".metadata.generation"));
    expect(await run(`rollout restart ${word} web`)).toBe(`${word}.apps/web restarted\n`);
    expect(await value(".metadata.generation")).toBe(String(generation + 1));
  });

  test("set changes a Deployment's template: image, env, resources, account", async () => {
    const kind = "Deployment";
    const word = "deployment";
    const { run, fails, images, value } = await within(word, "web");
    const replicas = { replicas: 0 };
    await run("create -f -", workload(kind, "web", ["a:1", "b:1"], replicas));
    await run("create configmap config --from-literal=key-1=one --from-literal=key-2=two");
    await run("create secret generic secret --from-literal=username=me --from-literal=password=it");
    const shown = `${word}.apps/web`;
    expect(await run(`set image ${word} web c0=a:2 --dry-run=server`)).toBe(
      `${shown} image updated (server dry run)\n`,
    );
    expect(await images()).toBe("a:1 b:1");
    expect(await run(`set image ${word} web c0=a:2`)).toBe(`${shown} image updated\n`);
    expect(await images()).toBe("a:2 b:1");
    expect(await fails(`set image ${word} web redis=redis`)).toContain('unable to find container named "redis"');
    await run(`set image ${word}s --all *=c:3`);
    expect(await images()).toBe("c:3 c:3");
    expect(await run(`set image ${word} web *=c:3`)).toBe("");
    expect(await value(".metadata.generation")).toBe("3");

    const env = (index: number): Promise<string> => value(`.spec.template.spec.containers[${index}].env[*].name`);
    await run(`set env ${word} web --keys=key-2 --from=configmap/config`);
    expect(await env(0)).toBe("KEY_2");
    await run(`set env ${word} web --from=configmap/config --dry-run=server`);
    expect(await env(0)).toBe("KEY_2");
    await run(`set env ${word} web --from=configmap/config --prefix=C_`);
    await run(`set env ${word} web env=prod`);
    await run(`set env ${word} web superenv=superprod -c=c0`);
    await run(`set env ${word} web --from=secret/secret`);
    expect((await env(0)).split(" ").toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      "C_KEY_1",
      "C_KEY_2",
      "KEY_2",
      "PASSWORD",
      "USERNAME",
      "env",
      "superenv",
    ]);
    expect(await run(`set env ${word} web --list --resolve`)).toMatch(/USERNAME=me/);
    await run(`set env ${word} web env-`);
    expect(await env(1)).not.toMatch(/\benv\b/);

    await run(`set resources ${word} web --limits=cpu=100m`);
    await run(`set resources ${word} web -c=c1 --limits=cpu=300m --requests=cpu=200m`);
    expect(await value(".spec.template.spec.containers[*].resources.limits.cpu")).toBe("100m 300m");
    expect(await value(".spec.template.spec.containers[*].resources.requests.cpu")).toBe("200m");
    expect(await fails(`set resources ${word} web -c=redis --limits=cpu=100m`)).toContain(
      "unable to find container named redis",
    );
    expect(await run(`set serviceaccount ${word} web robot`)).toBe(`${shown} serviceaccount updated\n`);
    expect(await value(".spec.template.spec.serviceAccountName")).toBe("robot");
    expect(
      await run(`get ${word} web --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}`),
    ).toContain("kubectl-set");
  });

  test.each(["DaemonSet", "StatefulSet", "ReplicaSet"])("each set of a %s is a new generation", async (kind) => {
    const word = kind.toLowerCase();
    const { run, value } = await within(word, "web");
    await run("create -f -", workload(kind, "web", ["a:1"], kind === "DaemonSet" ? {} : { replicas: 0 }));
    for (const what of [
      `image ${word}/web *=pause`,
      `env ${word}/web foo=bar`,
      `resources ${word}/web --limits=cpu=200m,memory=512Mi`,
      `serviceaccount ${word}/web robot`,
    ])
      await run(`set ${what}`);
    expect(await value(".metadata.generation")).toBe("5");
  });

  test("set selector changes a Service's, at the version that is asked for", async () => {
    const { run, fails, value } = await within("service", "web");
    await run("create service clusterip web --tcp=80");
    expect(await run("set selector service web role=padawan")).toBe("service/web selector updated\n");
    expect(await value(".spec.selector")).toBe('{"role":"padawan"}');
    await run("set selector service web role=master --dry-run=server");
    expect(await value(".spec.selector")).toBe('{"role":"padawan"}');
    await run(`set selector service web role=knight --resource-version=${await value(".metadata.resourceVersion")}`);
    expect(await fails("set selector service web role=none --resource-version=1")).toContain("(Conflict)");
    expect(await value(".spec.selector")).toBe('{"role":"knight"}');
  });

  test("scale: by name, by selector, all, and where the count is as it should be", async () => {
    const { run, fails, value } = await within("replicaset", "a");
    const zero = { replicas: 0 };
    for (const [kind, name] of [
      ["ReplicaSet", "a"],
      ["StatefulSet", "b"],
      ["Deployment", "c"],
    ] as const)
      await run(
        "create -f -",
        workload(kind, name, ["a"], {
          ...zero,
          selector: { matchLabels: { app: name } },
          template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i" }] } },
        }),
      );
    expect(await run("scale --current-replicas=0 --replicas=2 rs a --dry-run=server")).toBe(
      "replicaset.apps/a scaled (server dry run)\n",
    );
    expect(await value(".spec.replicas")).toBe("0");
    expect(await run("scale --current-replicas=0 --replicas=2 rs a")).toBe("replicaset.apps/a scaled\n");
    expect(await fails("scale --current-replicas=3 --replicas=2 rs a")).toContain("Expected replicas to be 3, was 2");
    expect(await run("scale --replicas=1 rs/a sts/b deploy/c")).toBe(
      "replicaset.apps/a scaled\nstatefulset.apps/b scaled\ndeployment.apps/c scaled\n",
    );
    expect(await run("scale deploy,sts --replicas=2 -l run=hello")).toBe(
      "deployment.apps/c scaled\nstatefulset.apps/b scaled\n",
    );
    expect(await run("scale sts --replicas=0 --all")).toBe("statefulset.apps/b scaled\n");
    expect(await run("get --raw /apis/apps/v1/namespaces/none/deployments/c/scale").catch(() => "refused")).toBe(
      "refused",
    );
    expect(await run("get rs a --subresource=scale -o jsonpath={.kind}:{.spec.replicas}")).toBe("Scale:1");
    expect(await run('patch rs a --subresource=scale --type=merge -p {"spec":{"replicas":4}}')).toBe(
      "scale.autoscaling/a patched\n",
    );
    expect(await value(".spec.replicas")).toBe("4");
    expect(await fails("scale --replicas=1 service kubernetes -n default")).toMatch(
      /could not find the requested resource/,
    );
  });
});
