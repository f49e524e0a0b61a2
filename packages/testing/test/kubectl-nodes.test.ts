// kubectl's commands about nodes; as upstream's test/cmd looks at them.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestEnvironment } from "@knots/testing";
import { kubectlInstalled, Kubectl, podOf, soon } from "./kubectl-cli.ts";

describe.skipIf(!kubectlInstalled)("kubectl", { concurrent: true, timeout: 60_000 }, () => {
  let environment: TestEnvironment;
  let kubectl: Kubectl;
  beforeAll(async () => {
    environment = await TestEnvironment.start({
      controllers: ["disruption-controller"],
      disableAdmissionPlugins: ["ServiceAccount"],
    });
    kubectl = await Kubectl.for(environment);
  });
  afterAll(async () => {
    await environment[Symbol.asyncDispose]();
    await kubectl[Symbol.asyncDispose]();
  });

  test("taint, cordon and drain: dry runs, selectors, what refuses", async () => {
    const ns = await environment.namespace();
    const node = `node-${ns}`;
    await kubectl.line("create -f -", {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: node, labels: { test: "label" } },
    });
    const get = (path: string): Promise<string> => kubectl.line(`get node ${node} -o jsonpath={${path}}`);
    const dedicated = '.spec.taints[?(@.key=="dedicated")]';
    expect(await kubectl.line(`taint node ${node} dedicated=foo:PreferNoSchedule --dry-run=server`)).toMatch(
      /^node\/\S+ tainted/,
    );
    expect(await get(dedicated)).toBe("");
    await kubectl.line(`taint node ${node} dedicated=foo:PreferNoSchedule`);
    expect(await get(`${dedicated}.value`)).toBe("foo");
    expect(await kubectl.fails(`taint node ${node} dedicated=bar:PreferNoSchedule`)).toContain(
      "already has dedicated taint(s) with same effect(s) and --overwrite is false",
    );
    expect(await kubectl.line(`taint node ${node} dedicated-`)).toBe(`node/${node} untainted\n`);
    await kubectl.line(`taint node -l test=label dedicated:NoExecute`);
    expect(await get(dedicated)).toBe('{"effect":"NoExecute","key":"dedicated"}');
    expect(
      await kubectl.line(`get node ${node} --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}`),
    ).toContain("kubectl-taint");
    await kubectl.line(`taint node ${node} dedicated:NoExecute-`);

    expect(await kubectl.line(`cordon ${node} --dry-run=server`)).toBe(`node/${node} cordoned (server dry run)\n`);
    expect(await get(".spec.unschedulable")).toBe("");
    for (const [name, labels] of [
      ["one", { e: "f", type: "test-pod" }],
      ["two", { c: "d", type: "test-pod" }],
    ] as const)
      await kubectl.line(
        `create -n ${ns} -f -`,
        podOf(name, { nodeName: node, terminationGracePeriodSeconds: 0 }, labels),
      );
    expect(await kubectl.fails(`drain ${node}`)).toMatch(
      /cannot delete .*declare no controller \(use --force to override\)/,
    );
    expect(await kubectl.line(`uncordon ${node}`)).toBe(`node/${node} uncordoned\n`);
    const dry = await kubectl.line(`drain ${node} --force --dry-run=server`);
    expect(dry).toMatch(/evicting pod .*\/one \(server dry run\)/);
    expect(await get(".spec.unschedulable")).toBe("");
    const chunks = await kubectl.tried([
      "-v=6",
      "drain",
      "--force",
      "--pod-selector=type=test-pod",
      "--selector=test=label",
      "--chunk-size=1",
      "--dry-run=client",
    ]);
    expect(chunks.err).toMatch(
      /nodes\?labelSelector=test%3Dlabel&limit=1\b[^]*pods\?fieldSelector=spec.nodeName%3D\S+&labelSelector=type%3Dtest-pod&limit=1\b[^]*pods\?continue=\S+&fieldSelector=/,
    );
    expect(chunks.out + chunks.err).toMatch(/evicting pod .*one[^]*evicting pod .*two/);
    expect(await kubectl.line(`drain ${node} --force --pod-selector=e=f --timeout=20s`)).toMatch(
      new RegExp(`evicting pod ${ns}/one|pod/one evicted`),
    );
    expect(await get(".spec.unschedulable")).toBe("true");
    expect(await kubectl.line(`get pods -n ${ns} -o name`)).toBe("pod/two\n");
    expect(await kubectl.line(`uncordon ${node}`)).toBe(`node/${node} uncordoned\n`);
    expect(await kubectl.line(`uncordon ${node} --dry-run=server`)).toBe(
      `node/${node} already uncordoned (server dry run)\n`,
    );
    expect(await kubectl.fails(`drain ${node} --selector=test=label`)).toContain("cannot specify both a node name");
    expect(await kubectl.fails("cordon")).toContain("error: USAGE: cordon NODE");
    expect(await kubectl.line("cordon --selector=test=label")).toBe(`node/${node} cordoned\n`);
    expect(await kubectl.line("cordon --selector=none=so")).toBe("");
  });

  test("a budget keeps drain and eviction waiting", async () => {
    const ns = await environment.namespace();
    const node = `kept-${ns}`;
    await kubectl.line("create -f -", { apiVersion: "v1", kind: "Node", metadata: { name: node } });
    await kubectl.line(`create -n ${ns} -f -`, podOf("kept", { nodeName: node }, { app: "kept" }));
    const running = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
    await kubectl.line(`patch pod kept -n ${ns} --subresource=status -p ${JSON.stringify({ status: running })}`);
    await kubectl.line(`create pdb kept -n ${ns} --selector=app=kept --min-available=1`);
    await soon(async () => {
      expect(await kubectl.line(`get pdb kept -n ${ns} -o jsonpath={.status.currentHealthy}`)).toBe("1");
    });
    expect(await kubectl.fails(`drain ${node} --force --timeout=1s`)).toMatch(
      /Cannot evict pod as it would violate the pod's disruption budget|global timeout reached/,
    );
    await kubectl.line(`drain ${node} --force --disable-eviction --grace-period=0 --timeout=20s`);
    expect(await kubectl.line(`get pods -n ${ns} -o name`)).toBe("");
  });
});
