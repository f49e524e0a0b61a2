import { describe, expect, it } from "vitest";
import { matchesRule } from "./rules.ts";

const subject = {
  operation: "CREATE",
  group: "apps",
  version: "v1",
  resource: "deployments",
  subresource: "",
  namespace: "default",
};
const rule = { operations: ["CREATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"] };

describe("matchesRule", () => {
  it.each([
    [{}, {}, true],
    [{ operations: ["*"] }, { operation: "CONNECT" }, true],
    [{ operations: ["UPDATE"] }, {}, false],
    [{ apiGroups: [""] }, {}, false],
    [{ apiGroups: ["*"], apiVersions: ["*"] }, { group: "", version: "v2" }, true],
    [{}, { subresource: "scale" }, false],
    [{ resources: ["deployments/scale"] }, { subresource: "scale" }, true],
    [{ resources: ["deployments/*"] }, { subresource: "scale" }, true],
    [{ resources: ["deployments/*"] }, {}, true],
    [{ resources: ["*"] }, { subresource: "scale" }, false],
    [{ resources: ["*/scale"] }, { subresource: "scale" }, true],
    [{ resources: ["*/*"] }, { subresource: "scale" }, true],
    [{ scope: "Namespaced" }, {}, true],
    [{ scope: "Namespaced" }, { namespace: "" }, false],
    [{ scope: "Cluster" }, {}, false],
    [{ scope: "Cluster" }, { namespace: "" }, true],
  ])("%j on %j: %s", (changedRule, changedSubject, expected) => {
    expect(matchesRule({ ...rule, ...changedRule }, { ...subject, ...changedSubject })).toBe(expected);
  });

  it("takes a namespace for cluster-scoped, though requests for it bear its name as the namespace", () => {
    const namespaces = { ...subject, group: "", resource: "namespaces", namespace: "x" };
    const any = { ...rule, apiGroups: [""], resources: ["*"] };
    expect(matchesRule({ ...any, scope: "Cluster" }, namespaces)).toBe(true);
    expect(matchesRule({ ...any, scope: "Namespaced" }, namespaces)).toBe(false);
  });
});
