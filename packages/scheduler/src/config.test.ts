import { describe, expect, it } from "vitest";
import { parseConfiguration } from "./config.ts";

const HEAD = { apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration" };
const read = (config: object) => parseConfiguration(JSON.stringify({ ...HEAD, ...config }));

describe("a KubeSchedulerConfiguration", () => {
  it("is read", () => {
    const { kubeconfig, options } = read({
      clientConnection: { kubeconfig: "/etc/scheduler.conf" },
      leaderElection: { leaderElect: true, leaseDuration: "30s", renewDeadline: "20s", resourceName: "mine" },
      percentageOfNodesToScore: 20,
      podInitialBackoffSeconds: 2,
      podMaxBackoffSeconds: 30,
      parallelism: 16,
      profiles: [{ schedulerName: "a", percentageOfNodesToScore: 50 }, { schedulerName: "b" }],
    });
    expect(kubeconfig).toBe("/etc/scheduler.conf");
    expect(options).toMatchObject({
      leaderElect: true,
      leaderElection: { leaseDurationMs: 30_000, renewDeadlineMs: 20_000, name: "mine" },
      percentageOfNodesToScore: 20,
      podInitialBackoffMs: 2000,
      podMaxBackoffMs: 30_000,
      profiles: [{ schedulerName: "a", percentageOfNodesToScore: 50 }, { schedulerName: "b" }],
    });
  });

  it.each<[object, string]>([
    [{ kind: "Other" }, "the configuration is no KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1"],
    [{ profilez: [] }, 'strict decoding error: unknown field "profilez"'],
    [{ parallelism: 0 }, "parallelism: Invalid value: 0: should be an integer value greater than zero"],
    [{ percentageOfNodesToScore: 101 }, "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"],
    [
      { profiles: [{ percentageOfNodesToScore: -1 }] },
      "profiles[0].percentageOfNodesToScore: Invalid value: -1: not in valid range [0-100]",
    ],
    [{ podInitialBackoffSeconds: 0 }, "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0"],
    [
      { podInitialBackoffSeconds: 20 },
      "podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds",
    ],
    [
      { profiles: [{ schedulerName: "a" }, { schedulerName: "a" }] },
      'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
    ],
    [
      {
        profiles: [
          { schedulerName: "a" },
          { schedulerName: "b", plugins: { queueSort: { disabled: [{ name: "*" }] } } },
        ],
      },
      'profiles[1].plugins.queueSort: Invalid value: {"disabled":[{"name":"*"}]}: must be the same for all profiles',
    ],
    [
      { profiles: [{ pluginConfig: [{ name: "NodeAffinity" }, { name: "NodeAffinity" }] }] },
      'profiles[0].pluginConfig[1]: Duplicate value: "NodeAffinity"',
    ],
    [
      { leaderElection: { leaseDuration: "10s", renewDeadline: "10s" } },
      'leaderElection.leaseDuration: Invalid value: "10s": LeaseDuration must be greater than RenewDeadline',
    ],
    [
      { leaderElection: { resourceLock: "endpoints" } },
      'leaderElection.resourceLock: Invalid value: "endpoints": resourceLock value must be "leases"',
    ],
    [
      { extenders: [{ urlPrefix: "http://x/", managedResources: [{ name: "cpu" }] }] },
      'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name',
    ],
    [
      { parallelism: 0, podInitialBackoffSeconds: -1 },
      "[parallelism: Invalid value: 0: should be an integer value greater than zero, podInitialBackoffSeconds: Invalid value: -1: must be greater than 0]",
    ],
  ])("is refused: %j", (config, message) => {
    expect(() => read(config)).toThrow(message);
  });
});
