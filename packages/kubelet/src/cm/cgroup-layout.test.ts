import { describe, expect, it } from "vitest";
import { cgroupLayout } from "./cgroup-layout.ts";

describe("cgroupLayout", () => {
  it("finds v1 controllers, also when several share a hierarchy", () => {
    const layout = cgroupLayout(
      "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
    );
    expect(layout).toEqual({
      version: 1,
      mounts: new Map([
        ["cpu", "/sys/fs/cgroup/cpu,cpuacct"],
        ["cpuacct", "/sys/fs/cgroup/cpu,cpuacct"],
        ["memory", "/sys/fs/cgroup/memory"],
      ]),
    });
  });

  it("finds v2 alone", () => {
    expect(cgroupLayout("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")).toEqual({ version: 2, mount: "/sys/fs/cgroup" });
  });

  it("finds nothing where there is nothing", () => {
    expect(cgroupLayout("proc /proc proc rw 0 0\n")).toBeUndefined();
  });
});
