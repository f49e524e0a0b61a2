import { describe, expect, it } from "vitest";
import { createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const JOBS = infoOf("jobs");
const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } };
const T = (second: number): string => `2026-01-01T00:00:0${second}Z`;
const is = (...types: string[]): object[] => types.map((type) => ({ type, status: "True" }));

function job(spec: object = {}, status: object = {}): Loose {
  const made = created(JOBS, { metadata: { name: "j", uid: "u" }, spec: { template, ...spec } });
  made.metadata.uid = "u";
  return { ...made, status };
}
const indexed = { completionMode: "Indexed", completions: 5, parallelism: 2 };

/** What is said of a status that follows another. */
const errors = (next: object, old: object = {}, spec: object = {}): string[] =>
  updated(
    JOBS,
    job(spec, old),
    (changed) => {
      changed.status = next;
    },
    "status",
  ).errors;

const complete = {
  startTime: T(1),
  completionTime: T(2),
  conditions: is("SuccessCriteriaMet", "Complete"),
};
const failed = { startTime: T(1), conditions: is("FailureTarget", "Failed") };

describe("a Job's status", () => {
  it.each<[string, string[], string[]]>([
    ["one that is complete", errors(complete), []],
    ["one that failed", errors(failed), []],
    ["negative counts", errors({ active: -1 }), ["status.active: must be greater than or equal to 0"]],
    [
      "uids",
      errors({ uncountedTerminatedPods: { succeeded: ["a", ""], failed: ["a"] } }),
      ["status.uncountedTerminatedPods.succeeded[1]: must not be empty", "status.uncountedTerminatedPods.failed[0]: "],
    ],
    [
      "both ends at once",
      errors({ ...complete, conditions: is("Complete", "Failed", "FailureTarget") }),
      [
        "status.conditions: cannot set Complete=True and Failed=true conditions",
        "status.conditions: cannot set Complete=True and FailureTarget=true conditions",
        "status.conditions: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
      ],
    ],
    [
      "a time without an end",
      errors({ completionTime: T(2) }),
      ["status.completionTime: cannot set completionTime when there is no Complete=True condition"],
    ],
    [
      "an end without times",
      errors({ conditions: complete.conditions }),
      [
        "status.completionTime: completionTime is required for Complete jobs",
        "status.startTime: startTime is required for finished job",
      ],
    ],
    [
      "an end before its beginning",
      errors({ ...complete, completionTime: T(0) }),
      ["status.completionTime: completionTime cannot be set before startTime"],
    ],
    [
      "a failure without its target",
      errors({ startTime: T(1), conditions: is("Failed") }),
      ["status.conditions: cannot set Failed=True condition without the FailureTarget=true condition"],
    ],
    [
      "an end with work left",
      errors({ ...failed, active: 1, terminating: 1, ready: 2, uncountedTerminatedPods: { failed: ["a"] } }),
      [
        "status.active: active>0 is invalid for finished job",
        "status.uncountedTerminatedPods: uncountedTerminatedPods needs to be empty for finished job",
        "status.terminating: terminating>0 is invalid for finished job",
        "status.ready: cannot set more ready pods than active",
      ],
    ],
    [
      "a suspended Job of nothing",
      errors({ conditions: complete.conditions, completionTime: T(2) }, {}, { suspend: true, completions: 0 }),
      [],
    ],
    [
      "indexes of a Job without",
      errors({ completedIndexes: "0", failedIndexes: "2" }),
      [
        "status.completedIndexes: cannot set non-empty completedIndexes when non-indexed completion mode",
        "status.failedIndexes: cannot set non-null failedIndexes when backoffLimitPerIndex is null",
      ],
    ],
    [
      "indexes that are none, or both",
      errors({ completedIndexes: "1-7", failedIndexes: "2,1" }, {}, { ...indexed, backoffLimitPerIndex: 1 }),
      [
        'status.completedIndexes: error parsing completedIndexes: too large index: "7"',
        "status.failedIndexes: error parsing failedIndexes: non-increasing order, previous: 2, current: 1",
      ],
    ],
    [
      "indexes in both lists",
      errors({ completedIndexes: "0-2", failedIndexes: "2-3" }, {}, { ...indexed, backoffLimitPerIndex: 1 }),
      ["status.failedIndexes: failedIndexes and completedIndexes overlap at index: 2"],
    ],
    [
      "success and failure",
      errors({ startTime: T(1), conditions: is("SuccessCriteriaMet", "Failed", "FailureTarget") }),
      [
        "status.conditions: cannot set SuccessCriteriaMet=True and Failed=true conditions",
        "status.conditions: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
      ],
    ],
    [
      "what was said, taken back",
      errors({ startTime: T(1) }, { ...complete, failed: 2, succeeded: 2 }),
      [
        "status.conditions: cannot disable the terminal Complete=True condition",
        "status.failed: cannot decrease the failed counter",
        "status.succeeded: cannot decrease the succeeded counter",
        "status.conditions: cannot disable the SuccessCriteriaMet=True condition",
      ],
    ],
    [
      "other times",
      errors({ ...complete, startTime: T(0), completionTime: T(3) }, complete),
      [
        "status.completionTime: completionTime cannot be mutated",
        "status.startTime: startTime cannot be removed for unsuspended job",
      ],
    ],
    [
      "success that comes too late",
      errors(complete, { ...complete, conditions: is("Complete") }),
      ["status.conditions: cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"],
    ],
    ["an elastic Job made smaller", errors({ succeeded: 1 }, { succeeded: 2 }, { ...indexed, parallelism: 5 }), []],
    [
      "a Job that resumes",
      errors(
        { startTime: T(5), conditions: [{ type: "Suspended", status: "False" }] },
        { startTime: T(1), conditions: is("Suspended") },
      ),
      [],
    ],
    // What was wrong before does not stand in the way of other writes.
    [
      "an old mistake",
      errors({ startTime: T(1), conditions: is("Failed"), failed: 1 }, { startTime: T(1), conditions: is("Failed") }),
      [],
    ],
  ])("%s", (_name, found, expected) => {
    expect(found).toEqual(expected);
  });
});

describe("a Job's labels", () => {
  it("of another Job are refused, and those that are right are completed", () => {
    const labels = { "controller-uid": "other" };
    const body = { metadata: { name: "j", uid: "u" }, spec: { template: { ...template, metadata: { labels } } } };
    expect(createErrors(JOBS, body).filter((text) => text.startsWith("spec.template.metadata"))).toEqual([
      "spec.template.metadata.labels[controller-uid]: must be 'u'",
    ]);
    const right = created(JOBS, { ...body, spec: { template: { ...template, metadata: { labels: { a: "b" } } } } });
    expect(right.spec.template.metadata.labels).toEqual({
      a: "b",
      "controller-uid": "u",
      "job-name": "j",
      "batch.kubernetes.io/controller-uid": "u",
      "batch.kubernetes.io/job-name": "j",
    });
  });
});

describe("a Job's update", () => {
  const update = (old: Loose, change: (job: Loose) => void): string[] => updated(JOBS, old, change).errors;

  it("changes completions in tandem with parallelism", () => {
    expect(update(job(indexed), ({ spec }) => void (spec.completions = 7))).toEqual([
      "spec.completions: can only be modified in tandem with spec.parallelism",
    ]);
    expect(
      update(job(indexed), ({ spec }) => {
        spec.completions = spec.parallelism = 7;
      }),
    ).toEqual([]);
  });

  it("changes where pods go while there are none", () => {
    const suspended = { suspend: true };
    const move = ({ spec }: Loose): void => void (spec.template.spec.nodeSelector = { a: "b" });
    const refused = ["spec.template: field is immutable"];
    expect(update(job(suspended), move)).toEqual([]);
    expect(update(job(suspended, { active: 1 }), move)).toEqual(refused);
    expect(update(job(suspended, { startTime: T(1) }), move)).toEqual(refused);
    expect(update(job(suspended, { startTime: T(1), conditions: is("Suspended") }), move)).toEqual([]);
    const apart = { podAntiAffinity: {} };
    expect(update(job(suspended), ({ spec }) => void (spec.template.spec.affinity = apart))).toEqual(refused);
  });
});

describe("a CronJob's schedule", () => {
  const CRON_JOBS = infoOf("cronjobs");
  const cron = (spec: object, name = "c"): Loose => ({
    metadata: { name },
    spec: { schedule: "* * * * *", concurrencyPolicy: "Allow", jobTemplate: { spec: { template } }, ...spec },
  });
  const ofSchedule = (spec: object): string[] =>
    createErrors(CRON_JOBS, cron(spec)).filter((text) => /schedule|timeZone/.test(text));

  it.each<[object, string[]]>([
    [{ schedule: "CRON_TZ=UTC * * * * *" }, ["cannot use TZ or CRON_TZ in schedule, use timeZone field instead"]],
    [{ timeZone: "" }, ["timeZone must be nil or non-empty string"]],
    [{ timeZone: "Europe/../Paris" }, ["unknown time zone Europe/../Paris"]],
    [{ timeZone: "Local" }, ["timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"]],
  ])("%j", (spec, expected) => {
    expect(ofSchedule(spec).map((text) => text.replace(/^\S+ /, ""))).toEqual(expected);
  });

  it("may keep its zone and its length of name", () => {
    const old = cron({ schedule: "TZ=UTC * * * * *" }, "c".repeat(60));
    const stored = { ...created(CRON_JOBS, old), spec: { ...created(CRON_JOBS, old).spec } };
    expect(updated(CRON_JOBS, stored, ({ spec }) => void (spec.suspend = true)).errors).toEqual([]);
    expect(updated(CRON_JOBS, stored, ({ spec }) => void (spec.timeZone = "UTC")).errors).toEqual([
      "spec.schedule: cannot use both timeZone field and TZ or CRON_TZ in schedule",
    ]);
  });
});
