import type { Secret } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { seconds } from "./image-manager.ts";
import { imagesToRemove } from "./image-gc.ts";
import { pullCredentials } from "./pull-credentials.ts";
import { registryOf, withDefaultTag } from "./reference.ts";

describe("image references", () => {
  it.each([
    ["busybox", "busybox:latest"],
    ["busybox:1", "busybox:1"],
    ["localhost:5000/a/b", "localhost:5000/a/b:latest"],
    ["r.io/a@sha256:0123456789abcdef0123456789abcdef", "r.io/a@sha256:0123456789abcdef0123456789abcdef"],
  ])("%s → %s", (given, want) => expect(withDefaultTag(given)).toBe(want));

  it.each(["Foo BAR", "", "a:", "a/UPPER", "a//b"])("refuses %j", (given) => {
    expect(() => withDefaultTag(given)).toThrow("invalid reference format");
  });

  it("knows the registry", () => {
    expect(registryOf("busybox:1")).toEqual({ registry: "docker.io", repository: "library/busybox" });
    expect(registryOf("a/b@sha256:00")).toEqual({ registry: "docker.io", repository: "a/b" });
    expect(registryOf("localhost:5000/x/y:2")).toEqual({ registry: "localhost:5000", repository: "x/y" });
  });
});

describe("pullCredentials", () => {
  const secret = (auths: object): Secret => ({
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
  });
  const auth = Buffer.from("u:p:x").toString("base64");

  it("takes those that cover the image, the most specific first", () => {
    const found = pullCredentials(
      [
        secret({
          "r.io": { username: "wide", password: "1" },
          "https://r.io/team/": { auth },
          "other.io": { username: "no", password: "no" },
        }),
      ],
      "r.io/team/app:1",
    );
    expect(found.map((each) => [each.username, each.password])).toEqual([
      ["u", "p:x"],
      ["wide", "1"],
    ]);
  });

  it("knows docker.io's many names, globs, and survives rubbish", () => {
    expect(pullCredentials([secret({ "https://index.docker.io/v1/": { auth } })], "busybox")).toHaveLength(1);
    expect(pullCredentials([secret({ "*.r.io": { auth } })], "eu.r.io/a")).toHaveLength(1);
    expect(pullCredentials([secret({ "*.r.io": { auth } })], "a.eu.r.io/a")).toHaveLength(0);
    expect(
      pullCredentials(
        [{ data: { ".dockerconfigjson": "e30=" } }, { data: { ".dockerconfigjson": "!!" } }, {}],
        "busybox",
      ),
    ).toEqual([]);
  });
});

describe("imagesToRemove", () => {
  const image = (id: string, lastUsed: number, more: object = {}) => ({
    image: { id, size: 10n, pinned: false, ...more },
    firstSeen: 0,
    lastUsed,
  });
  it("removes the longest unused first, never those in use, pinned or new", () => {
    const images = [
      image("b", 2),
      image("a", 1),
      image("used", 0),
      image("pinned", 0, { pinned: true }),
      { ...image("new", 0), firstSeen: 99_000 },
    ];
    expect(imagesToRemove(images, new Set(["used"]), 15, 100_000, 50_000)).toEqual(["a", "b"]);
    expect(imagesToRemove(images, new Set(["used"]), 10, 100_000, 50_000)).toEqual(["a"]);
  });
});

it("prints durations as Go does", () => {
  expect([0, 14.9, 999, 1500, 61_002].map(seconds)).toEqual(["0s", "14ms", "999ms", "1.5s", "1m1.002s"]);
});
