import type { FlowSchema, FlowSchemaCondition } from "@knots/api/flowcontrol/v1";

/** The condition that tells whether a schema's priority level exists; undefined when it is right already. */
export function danglingCondition(
  schema: FlowSchema,
  levelExists: boolean,
  now: string,
): FlowSchemaCondition | undefined {
  const name = schema.spec?.priorityLevelConfiguration.name ?? "";
  const references = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(name)}`;
  const wanted = levelExists
    ? { type: "Dangling", status: "False" as const, reason: "Found", message: `${references} and it exists` }
    : {
        type: "Dangling",
        status: "True" as const,
        reason: "NotFound",
        message: `${references} but there is no such object`,
      };
  const present = schema.status?.conditions?.find(({ type }) => type === "Dangling");
  if (present?.status === wanted.status && present.reason === wanted.reason && present.message === wanted.message) {
    return undefined;
  }
  const since = present?.status === wanted.status ? (present.lastTransitionTime ?? now) : now;
  return { ...wanted, lastTransitionTime: since };
}
