import { describe, expect, it } from "vitest";
import { podErrors } from "./pods.testing.ts";

describe("options of Windows", () => {
  const at = "spec.securityContext.windowsOptions";
  const of = (windowsOptions: object): string[] => podErrors({ securityContext: { windowsOptions } });
  const user = (runAsUserName: string): string[] =>
    of({ runAsUserName }).map((error) => error.replace(`${at}.runAsUserName: runAsUserName`, ""));

  it("name credentials, or are them", () => {
    expect(of({ gmsaCredentialSpecName: "a.b", gmsaCredentialSpec: "{}" })).toEqual([]);
    expect(of({ gmsaCredentialSpecName: "A" })[0]).toMatch(/gmsaCredentialSpecName: a lowercase RFC 1123 subdomain/);
    expect(of({ gmsaCredentialSpec: "" })).toEqual([
      `${at}.gmsaCredentialSpec: gmsaCredentialSpec cannot be an empty string`,
    ]);
    expect(of({ gmsaCredentialSpec: "x".repeat(64 * 1024 + 1) })).toEqual([
      `${at}.gmsaCredentialSpec: gmsaCredentialSpec size must be under 64 KiB`,
    ]);
  });

  it.each<[string, string[]]>([
    ["ContainerAdministrator", []],
    ["NT AUTHORITY\\SYSTEM", []],
    ["corp.example.com\\jane", []],
    ["", [" cannot be an empty string"]],
    ["a\tb", [" cannot contain control characters"]],
    ["a\\b\\c", [" cannot contain more than one backslash"]],
    ["a\\", ["'s User cannot be empty"]],
    [
      `${"a.".repeat(128)}\\b`,
      ["'s Domain length must be under 256 characters", "'s Domain doesn't match the NetBios nor the DNS format"],
    ],
    ["a:b\\c", ["'s Domain doesn't match the NetBios nor the DNS format"]],
    ["x".repeat(105), ["'s User length must not be longer than 104 characters"]],
    [". .", ["'s User cannot contain only periods or spaces"]],
    ["a|b", [`'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]`]],
  ])("run containers as %j", (name, errors) => expect(user(name)).toEqual(errors));
});

describe("processes of the host", () => {
  const onHost = (hostProcess?: boolean): object => ({
    securityContext: { windowsOptions: hostProcess === undefined ? {} : { hostProcess } },
  });
  const two = (first?: boolean, second?: boolean): object => ({
    containers: [first, second].map((each, index) => ({ name: `c${index}`, image: "i:1", ...onHost(each) })),
  });

  it("are all of a pod or none", () => {
    expect(podErrors({ hostNetwork: true, ...two(true, true) })).toEqual([]);
    expect(podErrors({ hostNetwork: true, ...onHost(true), ...two() })).toEqual([]);
    expect(podErrors({ hostNetwork: true, ...two(true, false) })).toEqual([
      "spec: If pod contains any hostProcess containers then all containers must be HostProcess containers",
    ]);
    expect(podErrors({ hostNetwork: true, ...onHost(true), ...two(false, true) })).toEqual([
      "spec.containers[0].securityContext.windowsOptions.hostProcess: pod hostProcess value must be identical if both are specified, was true",
      "spec: If pod contains any hostProcess containers then all containers must be HostProcess containers",
    ]);
  });

  it("have the host's network", () => {
    expect(podErrors(two(true, true))).toEqual([
      "spec.hostNetwork: hostNetwork must be true if pod contains any hostProcess containers",
    ]);
  });
});
