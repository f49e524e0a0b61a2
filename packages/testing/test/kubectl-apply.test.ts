// What apply, patch, label, edit and get do beyond what all kinds have in common; as upstream's test/cmd looks at it.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { TestEnvironment } from "@knots/testing";
import { kubectlInstalled, Kubectl } from "./kubectl-cli.ts";

describe.skipIf(!kubectlInstalled)("kubectl", { concurrent: true, timeout: 60_000 }, () => {
  let environment: TestEnvironment;
  let kubectl: Kubectl;
  beforeAll(async () => {
    environment = await TestEnvironment.start({ disableAdmissionPlugins: ["ServiceAccount"] });
    kubectl = await Kubectl.for(environment);
  });
  afterAll(async () => {
    await environment[Symbol.asyncDispose]();
    await kubectl[Symbol.asyncDispose]();
  });

  const pod = (name: string, label = "first"): object => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { name: label } },
    spec: { containers: [{ name: "serve", image: "pause:1" }] },
  });
  async function within(): Promise<{
    ns: string;
    run: (line: string, input?: string | object) => Promise<string>;
    fails: (line: string, input?: string | object) => Promise<string>;
    value: (what: string, path: string) => Promise<string>;
  }> {
    const ns = await environment.namespace();
    const run = (line: string, input?: string | object): Promise<string> => kubectl.line(`-n ${ns} ${line}`, input);
    return {
      ns,
      run,
      fails: (line, input) => kubectl.fails(`-n ${ns} ${line}`, input),
      value: (what, path) => run(`get ${what} -o jsonpath={${path}}`),
    };
  }
  const LAST = ".metadata.annotations.kubectl\\.kubernetes\\.io/last-applied-configuration";

  test("apply keeps what it applied last: set, viewed, edited, updated by replace", async () => {
    const { ns, run, value } = await within();
    await run("create -f -", pod("p"));
    expect(await value("pod p", LAST)).toBe("");
    await run("apply set-last-applied --dry-run=server --create-annotation=true -f -", pod("p"));
    expect(await value("pod p", LAST)).toBe("");
    await run("apply set-last-applied --create-annotation=true -f -", pod("p"));
    expect(await run("apply view-last-applied pod p -o json")).toContain('"image": "pause:1"');
    expect(await run("apply -f -", pod("p", "applied"))).toBe("pod/p configured\n");
    expect(await value("pod p", ".metadata.labels.name")).toBe("applied");
    const live = JSON.parse(await run("get pod p -o json")) as object;
    await run("replace -f -", JSON.parse(JSON.stringify(live).replaceAll('"applied"', '"replaced"')) as object);
    expect(await value("pod p", LAST)).toContain("replaced");
    const edited = ["-n", ns, "apply", "edit-last-applied", "pod", "p"];
    expect(await kubectl.run(edited, "", { EDITOR: "sed -i s/replaced/edited/" })).toBe("pod/p edited\n");
    expect(await value("pod p", LAST)).toContain("edited");
    const managers = await run("get pod p --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}");
    expect(managers.split(" ").toSorted((x, y) => (x < y ? -1 : 1))).toEqual([
      "kubectl",
      "kubectl-client-side-apply",
      "kubectl-create",
      "kubectl-replace",
    ]);
  });

  test("apply clears what other fields rule out, and sets nothing by null", async () => {
    const { run, value } = await within();
    const deployment = (strategy: object, volume: object, labels: object): object => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d", labels },
      spec: {
        strategy,
        replicas: 0,
        selector: { matchLabels: { app: "d" } },
        template: {
          metadata: { labels: { app: "d" } },
          spec: { containers: [{ name: "c", image: "i" }], volumes: [{ name: "v", ...volume }] },
        },
      },
    });
    await run("apply -f -", deployment({}, { emptyDir: {} }, { l1: "l1", l2: "l2" }));
    expect(await value("deployment d", ".spec.strategy.rollingUpdate.maxSurge")).toBe("25%");
    await run("apply -f -", deployment({ type: "Recreate" }, { hostPath: { path: "/x" } }, { l1: null, l2: "l2" }));
    expect(await value("deployment d", ".spec.strategy")).toBe('{"type":"Recreate"}');
    expect(await value("deployment d", ".spec.template.spec.volumes[0]")).toBe(
      '{"hostPath":{"path":"/x","type":""},"name":"v"}',
    );
    expect(await value("deployment d", ".metadata.labels")).toBe('{"l2":"l2"}');
    expect(
      await run(
        "apply -f - --dry-run=server",
        deployment({ type: "Recreate" }, { hostPath: { path: "/x" } }, { l2: null }),
      ),
    ).toBe("deployment.apps/d configured (server dry run)\n");
    expect(await value("deployment d", ".metadata.labels.l2")).toBe("l2");
  });

  test("apply prunes what is no longer there, and replaces by force what cannot change", async () => {
    const { ns, run, fails, value } = await within();
    const labelled = (name: string): object => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, labels: { prune: "yes" } },
    });
    await run("apply --prune -l prune=yes -f -", labelled("a"));
    expect(await run("apply --prune -l prune=yes -f -", labelled("b"))).toMatch(
      /configmap\/b created\nconfigmap\/a pruned\n/,
    );
    expect(await fails("apply --prune -f -", labelled("b"))).toContain(
      "all resources selected for prune without explicitly passing --all",
    );
    await run("apply --prune -l prune=yes --prune-allowlist core/v1/Secret -f -", labelled("c"));
    expect(await run("get configmap -l prune=yes -o name")).toBe("configmap/b\nconfigmap/c\n");
    const other = { ...labelled("d"), metadata: { name: "d", namespace: "nsb" } };
    expect(await fails("apply -f -", other)).toContain(
      `the namespace from the provided object "nsb" does not match the namespace "${ns}".`,
    );

    const service = (clusterIP: string): object => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "a" },
      spec: { clusterIP, ports: [{ port: 80 }] },
    });
    await run("apply -f -", service("10.96.0.211"));
    expect(await fails("apply -f -", service("10.96.0.212"))).toContain("may not change once set");
    await run("apply --force -f -", service("10.96.0.212"));
    expect(await value("service a", ".spec.clusterIP")).toBe("10.96.0.212");
  });

  test("apply goes on after what fails, and takes no resourceVersion that is past", async () => {
    const { run, fails } = await within();
    const list = [{ ...pod("bad"), spec: {} }, pod("good")].map((each) => stringify(each)).join("---\n");
    expect(await fails("apply -f -", list)).toContain('The Pod "bad" is invalid: spec.containers: Required value');
    expect(await run("get pods -o name")).toBe("pod/good\n");
    const old = {
      ...pod("good", "other"),
      metadata: { name: "good", labels: { name: "other" }, resourceVersion: "1" },
    };
    expect(await fails("apply -f -", old)).toContain("Error from server (Conflict)");
    expect(await fails("apply --server-side -f -", old)).toContain('on pods "good": the object has been modified');
  });

  test("server-side apply tells of conflicts, takes over by force, and lets go of what it leaves out", async () => {
    const { run, fails, value } = await within();
    const map = (data: object): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m" }, data });
    await run("apply --server-side --field-manager=one -f -", map({ a: "1", b: "1" }));
    expect(await fails("apply --server-side --field-manager=two -f -", map({ a: "2" }))).toMatch(
      /Apply failed with 1 conflict: conflict with "one": \.data\.a\nPlease review the fields above/,
    );
    await run("apply --server-side --field-manager=two --force-conflicts -f -", map({ a: "2" }));
    await run("apply --server-side --field-manager=one -f -", map({}));
    expect(await value("configmap m", ".data")).toBe('{"a":"2"}');
    // From one sort of apply to the other: what was applied last is migrated, not forgotten.
    await run("apply -f -", map({ a: "3", c: "1" }));
    await run("apply --server-side --force-conflicts -f -", map({ a: "3" }));
    expect(await value("configmap m", ".data")).toBe('{"a":"3"}');
  });

  test("patch: by each type and text, at a version, and what it cannot do", async () => {
    const { run, fails, value } = await within();
    await run("create -f -", pod("p"));
    const image = (): Promise<string> => value("pod p", ".spec.containers[0].image");
    const containers = (name: string): string =>
      JSON.stringify({ spec: { containers: [{ name: "serve", image: name }] } });
    await run(`patch pod p -p ${containers("a")}`);
    expect(await image()).toBe("a");
    await run('patch pod p --type=json -p [{"op":"replace","path":"/spec/containers/0/image","value":"b"}]');
    expect(await image()).toBe("b");
    expect(
      await fails('patch pod p --type=json -p [{"op":"test","path":"/spec/containers/0/image","value":"z"}]'),
    ).toContain("The request is invalid");
    expect(await run('patch pod p -p {"metadata":{"labels":{"name":"first"}}}')).toBe("pod/p patched (no change)\n");
    expect(await fails('patch pod p -p {"metadata":{"labels":"invalid"}}')).toContain("cannot restore map from string");
    const at = (version: string): string =>
      JSON.stringify({ metadata: { resourceVersion: version }, spec: { containers: [{ name: "serve", image: "c" }] } });
    expect(await fails(`patch pod p -p ${at("1")}`)).toContain(
      "please apply your changes to the latest version and try again",
    );
    await run(`patch pod p -p ${at(await value("pod p", ".metadata.resourceVersion"))}`);
    expect(await image()).toBe("c");
    await run(
      `patch pod p --patch-file ${await kubectl.file("patch.yaml", stringify({ spec: { containers: [{ name: "serve", image: "d" }] } }))}`,
    );
    expect(await image()).toBe("d");
    // Integers beyond what a float holds stay what they are.
    const precise = {
      ...pod("precise"),
      spec: {
        containers: [{ name: "serve", image: "i" }],
        securityContext: { supplementalGroups: [2_147_483_647] },
        activeDeadlineSeconds: 2_147_483_647,
      },
    };
    await run("create -f -", precise);
    await run('patch pod precise -p {"metadata":{"annotations":{"key":"value"}}}');
    expect(await value("pod precise", ".spec.activeDeadlineSeconds")).toBe("2147483647");
  });

  test("label, annotate and replace: overwriting, recording, locally, by force", async () => {
    const { ns, run, fails, value } = await within();
    await run("create -f -", pod("p"));
    expect(await fails("label pod p name=second")).toContain(
      "'name' already has a value (first), and --overwrite is false",
    );
    await run("label --overwrite pods --all name=second empty=");
    expect(await value("pod p", ".metadata.labels")).toBe('{"empty":"","name":"second"}');
    await run("label pod p recorded=yes --record=true");
    expect(await value("pod p", ".metadata.annotations")).toContain("--record=true");
    expect(await run("annotate --local -f - note=local -o yaml", pod("p"))).toContain("note: local");
    expect(await value("pod p", ".metadata.annotations.note")).toBe("");
    expect(await run("label pod p gone-")).toMatch(/label "gone" not found\.\npod\/p not labeled\n/);
    const live = JSON.parse(await run("get pod p -o json")) as object;
    const renamed = JSON.parse(JSON.stringify(live).replaceAll('"serve"', '"renamed"')) as object;
    expect(await fails("replace -f -", renamed)).toContain("pod updates may not change fields other than");
    expect(await fails("replace --grace-period=1 -f -", renamed)).toContain(
      "--grace-period must have --force specified",
    );
    await run("replace --force -f -", renamed);
    expect(await value("pod p", ".spec.containers[0].name")).toBe("renamed");
    const node = {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: ns, annotations: { a: "b" }, resourceVersion: "0" },
    };
    await kubectl.line("create -f -", { ...node, metadata: { name: ns } });
    await kubectl.line("replace --dry-run=server -f -", node);
    expect(await value(`node ${ns}`, ".metadata.annotations.a")).toBe("");
    await kubectl.line("replace -f -", node);
    expect(await value(`node ${ns}`, ".metadata.annotations.a")).toBe("b");
    const edit = ["-n", ns, "edit", "pod/p", "--output-patch=true"];
    expect(await kubectl.run(edit, "", { EDITOR: "sed -i s/pause:1/pause:2/" })).toMatch(
      /^Patch: \{"spec".*\npod\/p edited\n/,
    );
    const { out, err } = await kubectl.tried(["-n", ns, "edit", "pod/p"], "", { EDITOR: "cat" });
    expect(out + err).toContain("Edit cancelled, no changes made.");
    // What the server refuses is shown again, until the editor changes nothing.
    const refused = await kubectl.tried(["-n", ns, "edit", "pod/p"], "", {
      EDITOR: "sed -i 's/restartPolicy: .*/restartPolicy: Sometimes/'",
    });
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringMatching(/pods "p" is invalid|Edit cancelled/) as string,
    ]);
  });

  test("get: what is not there, in chunks, sorted, selected, with missing keys", async () => {
    const { ns, run, fails } = await within();
    expect(await fails("get pods abc")).toBe('Error from server (NotFound): pods "abc" not found\n');
    expect(await fails("get foobar")).toBe('error: the server doesn\'t have a resource type "foobar"\n');
    const empty = await kubectl.tried(["-n", ns, "get", "pods", "-o", "wide"]);
    expect(empty.err).toBe(`No resources found in ${ns} namespace.\n`);
    expect((await kubectl.tried(["-n", ns, "get", "pods", "--ignore-not-found"])).err).toBe("");
    expect(JSON.parse(await run("get pods -o json"))).toMatchObject({ kind: "List", items: [] });
    for (const name of ["b", "c", "a"]) await run("create -f -", pod(name, `label-${name}`));
    const names = async (flags: string): Promise<string[]> =>
      (await run(`get pods -o name ${flags}`)).trimEnd().split("\n");
    expect(await names("--chunk-size=1")).toEqual(["pod/a", "pod/b", "pod/c"]);
    expect(await names("--sort-by={metadata.labels.name}")).toEqual(["pod/a", "pod/b", "pod/c"]);
    expect(await names("--sort-by=.metadata.creationTimestamp --field-selector=metadata.name!=b")).toHaveLength(2);
    expect(await names("-l name!=label-a,name")).toEqual(["pod/b", "pod/c"]);
    expect(await names("--field-selector=status.phase=Pending,metadata.name=a")).toEqual(["pod/a"]);
    expect(await run("get pods --sort-by={metadata.name} --no-headers")).toMatch(/^a [^]*\nb [^]*\nc /);
    expect(await fails("get pod a --allow-missing-template-keys=false -o jsonpath={.missing}")).toContain(
      "missing is not found",
    );
    expect(await fails("get pod a --all-namespaces")).toContain(
      "a resource cannot be retrieved by name across all namespaces",
    );
    expect(await fails("get pod a --subresource=scale")).toContain("the server could not find the requested resource");
    const verbose = await kubectl.tried(["-n", ns, "get", "all", "--chunk-size=0", "-v=6"]);
    for (const path of [
      "api/v1/namespaces/NS/pods",
      "apis/apps/v1/namespaces/NS/statefulsets",
      "apis/autoscaling/v2/namespaces/NS/horizontalpodautoscalers",
      "apis/batch/v1/namespaces/NS/cronjobs",
    ])
      expect(verbose.err).toContain(path.replace("NS", ns));
    expect(verbose.err).not.toMatch(/ (4|5)\d\d /);
    const chunks = await kubectl.tried(["get", "clusterroles", "--chunk-size=10", "-v=6", "-o", "name"]);
    expect(chunks.err).toMatch(/clusterroles\?limit=10[^]*clusterroles\?continue=\S+&limit=10/);
    expect(await run("get pods,cm a --ignore-not-found -o name")).toBe("pod/a\n");
    expect(await run("get pods -w --request-timeout=1s --output-watch-events")).toMatch(/EVENT[^]*ADDED +a /);
    expect((await run("describe pods --show-events=false")).match(/^Name:/gm)).toHaveLength(3);
  });

  test("kustomize: a directory is built, created, applied, found, compared and deleted", async () => {
    const { ns, run } = await within();
    const directory = join(kubectl.directory, "kustomization");
    await mkdir(directory);
    await kubectl.file(
      "kustomization/kustomization.yaml",
      stringify({ namePrefix: "test-", resources: ["map.yaml", "service.yaml"], labels: [{ pairs: { app: "k" } }] }),
    );
    await kubectl.file(
      "kustomization/map.yaml",
      stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "map" }, data: { a: "1" } }),
    );
    await kubectl.file(
      "kustomization/service.yaml",
      stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "service" }, spec: { ports: [{ port: 80 }] } }),
    );
    expect(await kubectl.line("kustomize kustomization")).toMatch(/name: test-map[^]*name: test-service/);
    expect(await run("apply -k kustomization")).toBe("configmap/test-map created\nservice/test-service created\n");
    expect(await run("get -k kustomization -o jsonpath={..metadata.name}")).toBe("test-map test-service");
    expect((await kubectl.tried(["-n", ns, "diff", "-k", "kustomization"])).code).toBe(0);
    expect(await run("delete -k kustomization")).toMatch(/"test-map" deleted[^]*"test-service" deleted/);
    expect(await run("create -k kustomization")).toContain("configmap/test-map created");
  });
});
