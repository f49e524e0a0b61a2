import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addLeaderElectionFlags, leaderElectionOf, type LeaderElectionFlags } from "./component-flags.ts";
import { leaderElectionDefaults } from "./leader-elector.ts";

function read(...args: string[]): LeaderElectionFlags {
  const command = addLeaderElectionFlags(new Command().exitOverride(), leaderElectionDefaults("kube-test"));
  command.configureOutput({ writeErr: () => undefined });
  return command.parse(args, { from: "user" }).opts<LeaderElectionFlags>();
}

describe("the flags of leader election", () => {
  it("have upstream's defaults", () => {
    expect(read().leaderElect).toBe(true);
    expect(leaderElectionOf(read())).toEqual({
      name: "kube-test",
      namespace: "kube-system",
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2000,
    });
  });

  it("are read in Go's manner", () => {
    expect(read("--leader-elect=false").leaderElect).toBe(false);
    expect(read("--leader-elect").leaderElect).toBe(true);
    const times = read("--leader-elect-lease-duration=1m", "--leader-elect-renew-deadline", "40s");
    expect(leaderElectionOf(times)).toMatchObject({ leaseDurationMs: 60_000, renewDeadlineMs: 40_000 });
    const lease = read("--leader-elect-resource-name=a", "--leader-elect-resource-namespace=b");
    expect(leaderElectionOf(lease)).toMatchObject({ name: "a", namespace: "b" });
  });

  it("know of no lock but Leases", () => {
    expect(read("--leader-elect-resource-lock=leases").leaderElect).toBe(true);
    expect(() => read("--leader-elect-resource-lock=endpoints")).toThrow('It must be "leases".');
  });
});
