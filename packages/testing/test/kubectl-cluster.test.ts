// kubectl's commands about the cluster, who may do what, deletion and custom resources; as upstream's test/cmd looks at them.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { TestEnvironment } from "@knots/testing";
import { kubectlInstalled, Kubectl, podOf, soon } from "./kubectl-cli.ts";
import { OBJECTS } from "./objects.ts";

describe.skipIf(!kubectlInstalled)("kubectl", { concurrent: true, timeout: 60_000 }, () => {
  let environment: TestEnvironment;
  let kubectl: Kubectl;
  beforeAll(async () => {
    environment = await TestEnvironment.start({
      controllers: ["namespace-controller", "garbage-collector-controller", "replicaset-controller"],
      disableAdmissionPlugins: ["ServiceAccount"],
    });
    kubectl = await Kubectl.for(environment);
  });
  afterAll(async () => {
    await environment[Symbol.asyncDispose]();
    await kubectl[Symbol.asyncDispose]();
  });

  test("auth: who am I, what may I, who may, and roles that are reconciled; impersonation", async () => {
    const ns = await environment.namespace();
    expect(await kubectl.line("auth whoami -o jsonpath={.status.userInfo.groups}")).toContain("system:masters");
    expect(await kubectl.line("auth whoami --as=jane --as-group=a --as-uid=7")).toMatch(
      /^ATTRIBUTE +VALUE\nUsername +jane\nUID +7\nGroups +\[a system:authenticated\]\n/,
    );
    const may = async (line: string): Promise<string> => {
      const { code, out } = await kubectl.tried(["auth", "can-i", ...line.split(" ")]);
      return `${code} ${out.trim()}`;
    };
    expect(await may("create pods")).toBe("0 yes");
    expect(await may("get /healthz --as=jane")).toBe("0 yes");
    expect(await may(`list pods --as=jane -n ${ns}`)).toBe("1 no");
    expect(await may(`get pods --subresource=log --as=jane -n ${ns} --quiet`)).toBe("1 ");
    const roles = [
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "reader", namespace: ns },
        rules: [{ verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] }],
      },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name: "reader", namespace: ns },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
        subjects: [{ kind: "User", name: "jane", apiGroup: "rbac.authorization.k8s.io" }],
      },
    ];
    const text = roles.map((each) => stringify(each)).join("---\n");
    expect(await kubectl.line("auth reconcile -f - --dry-run=client", text)).toContain("reconciled (dry run)");
    expect(await kubectl.line("auth reconcile -f -", text)).toBe(
      "role.rbac.authorization.k8s.io/reader reconciled\nrolebinding.rbac.authorization.k8s.io/reader reconciled\n",
    );
    await soon(async () => {
      expect(await may(`list pods --as=jane -n ${ns}`)).toBe("0 yes");
    });
    expect(await kubectl.line(`auth can-i --list --as=jane -n ${ns}`)).toMatch(/^pods +\[\] +\[\] +\[get list\]$/m);
    const more = stringify({ ...roles[0], rules: [{ verbs: ["watch"], apiGroups: [""], resources: ["pods"] }] });
    const verbs = (): Promise<string> => kubectl.line(`get role reader -n ${ns} -o jsonpath={.rules[*].verbs}`);
    await kubectl.line("auth reconcile -f -", more);
    expect(await verbs()).toBe('["get","list"] ["watch"]');
    await kubectl.line("auth reconcile --remove-extra-permissions -f -", more);
    expect(await verbs()).toBe('["watch"]');
    expect(await kubectl.fails("get pods --as-group=foo")).toContain("without impersonating a user");
    expect(await kubectl.fails(`get pods --as=joe -n ${ns}`)).toBe(
      `Error from server (Forbidden): pods is forbidden: User "joe" cannot list resource "pods" in API group "" in the namespace "${ns}"\n`,
    );
  });

  test("certificate approves and denies, of whom the request says it is", async () => {
    const request = (name: string): object => ({
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name },
      ...OBJECTS["certificatesigningrequests.certificates.k8s.io"],
    });
    await kubectl.run(
      [
        "create",
        "-f",
        "-",
        "--as=user1",
        "--as-group=group2",
        "--as-group=group1",
        "--as-group=,,,chameleon",
        "--as-group=system:masters",
      ],
      request("approved"),
    );
    expect(await kubectl.line("get csr approved -o jsonpath={.spec.username}:{.spec.groups}")).toBe(
      'user1:["group2","group1",",,,chameleon","system:masters","system:authenticated"]',
    );
    await kubectl.line("create -f -", request("denied"));
    expect(await kubectl.line("certificate approve approved")).toBe(
      "certificatesigningrequest.certificates.k8s.io/approved approved\n",
    );
    expect(await kubectl.line("certificate deny denied")).toBe(
      "certificatesigningrequest.certificates.k8s.io/denied denied\n",
    );
    const csrs = await kubectl.line("get csr");
    expect(csrs).toMatch(/^approved .* Approved$/m);
    expect(csrs).toMatch(/^denied .* Denied$/m);
    expect(await kubectl.line("get csr denied -o jsonpath={.status.conditions[0].reason}")).toBe("KubectlDeny");
    expect(await kubectl.fails("certificate approve denied")).toMatch(/may not be modified|cannot|Invalid|Denied/i);
  });

  test("api-versions, cluster-info, version, top and config tell of the server", async () => {
    const versions = (await kubectl.line("api-versions")).trimEnd().split("\n");
    expect(versions).toEqual(versions.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(versions).toEqual(expect.arrayContaining(["apps/v1", "autoscaling/v1", "autoscaling/v2", "v1"]));
    expect(await kubectl.line("cluster-info")).toMatch(/Kubernetes control plane.* is running at .*https:\/\/127/);
    const dump = await kubectl.line("cluster-info dump --namespaces=default -o json");
    expect(dump.match(/"kind": "(\w+)List"/g)?.map((each) => each.slice(9, -5))).toEqual(
      expect.arrayContaining(
        ["Node", "Event", "ReplicationController", "Service", "DaemonSet", "Deployment", "ReplicaSet", "Pod"].filter(
          (kind) => dump.includes(`"${kind}List"`),
        ),
      ),
    );
    for (const kind of [
      "NodeList",
      "EventList",
      "ReplicationControllerList",
      "ServiceList",
      "DaemonSetList",
      "DeploymentList",
      "ReplicaSetList",
      "PodList",
    ])
      expect(dump).toContain(`"kind": "${kind}"`);
    expect(await kubectl.fails("top nodes")).toBe("error: metrics not available yet\n");
    expect(await kubectl.line("get --raw /version")).toContain('"gitVersion"');
    expect(await kubectl.line("config view --minify -o jsonpath={.contexts[0].name}")).toBe("test");
    await kubectl.line(
      "config set-context other --cluster=test --user=admin --namespace=kube-system --kubeconfig=copy",
    );
    expect(await kubectl.line("config get-contexts -o name --kubeconfig=copy")).toBe("other\n");
    expect(await kubectl.line("get lease --context=test --cluster=test --user=admin -n kube-system -o name")).toMatch(
      /^(lease\S+\n)*$/,
    );
  });

  test("events: of an object, by type, sorted", async () => {
    const ns = await environment.namespace();
    const event = (name: string, type: string, of: string): object => ({
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace: ns },
      type,
      reason: `Did${name}`,
      message: "text",
      involvedObject: { apiVersion: "v1", kind: "Pod", namespace: ns, name: of },
      firstTimestamp: "2026-01-02T03:04:05Z",
      lastTimestamp: `2026-01-02T03:04:0${name.length}Z`,
      count: 2,
    });
    await kubectl.line("create -f -", event("late", "Warning", "p"));
    await kubectl.line("create -f -", event("new", "Normal", "q"));
    expect(await kubectl.line(`events -n ${ns}`)).toMatch(
      /LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n.*Normal +Didnew +Pod\/q +text\n.*Warning +Didlate +Pod\/p +text\n/,
    );
    expect(await kubectl.line(`events -n ${ns} --types=Warning --no-headers`)).toMatch(
      /^\S+ \(x2 over \S+\) +Warning[^\n]*\n$/,
    );
    await kubectl.line(`create -n ${ns} -f -`, podOf("q"));
    expect(await kubectl.line(`events -n ${ns} --for=pod/q --no-headers`)).toMatch(/Didnew/);
    expect(await kubectl.line(`get events -n ${ns} --field-selector=type=Warning -o name`)).toBe("event/late\n");
  });

  test("delete: nothing without a name, all, by label, now, orphaned, and a namespace with what is in it", async () => {
    const ns = await environment.namespace();
    const pods = (): Promise<string> => kubectl.line(`get pods -n ${ns} -o name`);
    for (const name of ["a", "b", "c"]) await kubectl.line(`create -n ${ns} -f -`, podOf(name, {}, { name }));
    expect(await kubectl.fails(`delete pods -n ${ns}`)).toContain(
      "resource(s) were provided, but no name was specified",
    );
    expect(await kubectl.fails(`delete --all pods -l name=a -n ${ns}`)).toContain(
      "setting 'all' parameter but found a non empty selector",
    );
    await kubectl.run(["delete", "pods", "-l", "name in (a)", "-n", ns, "--now"]);
    await kubectl.line(`delete pod/b -n ${ns} --grace-period=0 --force`);
    expect(await pods()).toBe("pod/c\n");
    await kubectl.line(`delete --all pods -n ${ns}`);
    expect(await pods()).toBe("");

    const set = (name: string): object => ({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name },
      spec: {
        replicas: 2,
        selector: { matchLabels: { rs: name } },
        template: { metadata: { labels: { rs: name } }, spec: { containers: [{ name: "c", image: "i" }] } },
      },
    });
    const of = async (name: string, count: number): Promise<void> => {
      await soon(async () => {
        expect((await kubectl.line(`get pods -n ${ns} -l rs=${name} -o name`)).split("\n")).toHaveLength(count + 1);
      });
    };
    for (const name of ["kept", "gone"]) await kubectl.line(`create -n ${ns} -f -`, set(name));
    await of("kept", 2);
    await of("gone", 2);
    await kubectl.line(`delete rs kept -n ${ns} --cascade=orphan`);
    await kubectl.line(`delete rs gone -n ${ns}`);
    await of("gone", 0);
    await of("kept", 2);
    expect(await kubectl.line(`describe pods -n ${ns} -l rs=kept`)).not.toContain("Controlled By");

    await kubectl.line(`delete namespace ${ns} --wait=false`);
    await kubectl.line(`wait --for=delete ns/${ns} --timeout=30s`);
    expect(await kubectl.fails(`get ns ${ns}`)).toContain(`namespaces "${ns}" not found`);
    const warned = await kubectl.tried(["delete", "clusterrole", "none", "-n", "default", "--ignore-not-found"]);
    expect(warned.err.toLowerCase()).toContain("warning: deleting cluster-scoped resources");
  });

  test("custom resources: found by each name, printed, patched, applied, watched; a short name that is taken; scope that changes", async () => {
    const ns = await environment.namespace();
    const definition = (scope: string): object => ({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "resources.mygroup.example.com" },
      spec: {
        group: "mygroup.example.com",
        scope,
        names: {
          plural: "resources",
          singular: "resource",
          kind: "Kind",
          listKind: "KindList",
          shortNames: ["pod"],
          categories: ["all"],
        },
        versions: [
          {
            name: "v1alpha1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                "x-kubernetes-preserve-unknown-fields": true,
                properties: { someField: { type: "string", description: "It is some field." } },
              },
            },
            additionalPrinterColumns: [{ name: "Some", type: "string", jsonPath: ".someField" }],
          },
        ],
      },
    });
    const object = (fields: object): object => ({
      apiVersion: "mygroup.example.com/v1alpha1",
      kind: "Kind",
      metadata: { name: "my" },
      ...fields,
    });
    await kubectl.line("create -f -", definition("Namespaced"));
    await kubectl.line("wait --for=condition=Established crd/resources.mygroup.example.com --timeout=20s");
    expect(await kubectl.line("api-resources --api-group=mygroup.example.com -o name")).toBe(
      "resources.mygroup.example.com\n",
    );
    expect(await kubectl.line(`apply -n ${ns} --dry-run=server -f -`, object({ someField: "a" }))).toBe(
      "kind.mygroup.example.com/my created (server dry run)\n",
    );
    await kubectl.line(`apply -n ${ns} -f -`, object({ someField: "a", nested: { one: "1", two: "2" } }));
    const named = "kind.mygroup.example.com/my\n";
    for (const name of [
      "resource/my",
      "resources/my",
      "kind.mygroup.example.com/my",
      "resources.v1alpha1.mygroup.example.com",
    ])
      expect(await kubectl.line(`get ${name} -n ${ns} -o name`)).toBe(named);
    expect(await kubectl.line(`get all -n ${ns} -o name`)).toBe(named);
    expect(await kubectl.line(`get pod -n ${ns} -o name`)).toBe("");
    expect(await kubectl.line(`get resources -n ${ns}`)).toMatch(/^NAME +SOME\nmy +a\n$/);
    const get = (path: string): Promise<string> => kubectl.line(`get resource my -n ${ns} -o jsonpath={${path}}`);
    await kubectl.line(`patch resource my -n ${ns} --type=merge -p {"patched":"value"}`);
    expect(await get(".patched")).toBe("value");
    expect(await kubectl.fails(`patch resource my -n ${ns} -p {"patched":"other"}`)).toContain(
      "application/strategic-merge-patch+json is not supported",
    );
    await kubectl.line(`apply -n ${ns} -f -`, object({ someField: "b", nested: { one: "1", three: "3" } }));
    expect(await get(".nested")).toBe('{"one":"1","three":"3"}');
    expect(await get(".patched")).toBe("value");
    await kubectl.line(`label resources --all on=yes -n ${ns}`);
    expect(await kubectl.line(`describe resources -n ${ns}`)).toMatch(/Labels: +on=yes\n[^]*Some Field: +b/);
    await soon(async () => {
      expect(await kubectl.line("explain resource.someField")).toMatch(
        /GROUP: +mygroup\.example\.com\n[^]*FIELD: someField <string>[^]*It is some field\./,
      );
    });
    expect(await kubectl.line(`get resources -n ${ns} --watch --request-timeout=1s --output-watch-events`)).toMatch(
      /ADDED +my +b/,
    );
    expect(await kubectl.line(`delete resources my -n ${ns} --cascade=background`)).toMatch(
      /^kind\.mygroup\.example\.com "my" deleted/,
    );

    await kubectl.line("delete crd resources.mygroup.example.com");
    await kubectl.line("apply -f -", definition("Cluster"));
    await kubectl.line("wait --for=condition=Established crd/resources.mygroup.example.com --timeout=20s");
    await kubectl.line("api-resources");
    expect(await kubectl.line("apply -f -", object({ someField: "c" }))).toBe("kind.mygroup.example.com/my created\n");
    expect(await kubectl.line("get resource my -o jsonpath={.metadata.namespace}{.someField}")).toBe("c");
  });

  test("describe shows where a pod's environment comes from", async () => {
    const ns = await environment.namespace();
    const env = [
      { name: "ONE", valueFrom: { secretKeyRef: { name: "secret", key: "key-1" } } },
      { name: "TWO", valueFrom: { configMapKeyRef: { name: "map", key: "key-2" } } },
      { name: "THREE", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "FOUR", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
    ];
    await kubectl.line(
      `create -n ${ns} -f -`,
      podOf("p", { containers: [{ name: "c", image: "i", env, envFrom: [{ configMapRef: { name: "map" } }] }] }),
    );
    const text = await kubectl.line(`describe pod p -n ${ns}`);
    expect(text).toMatch(/map +ConfigMap +Optional: false/);
    expect(text).toMatch(
      /ONE: +<set to the key 'key-1' in secret 'secret'> +Optional: false\n +TWO: +<set to the key 'key-2' of config map 'map'> +Optional: false\n +THREE: +p \(v1:metadata\.name\)\n +FOUR: +node allocatable \(limits\.cpu\)/,
    );
  });
});
