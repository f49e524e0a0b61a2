import type { AuditEvent } from "./types.ts";

export type LogFormat = "json" | "legacy";

/** One line of the log, with its end. */
export function formatEvent(event: AuditEvent, format: LogFormat): string {
  return format === "json" ? `${JSON.stringify(event)}\n` : `${legacy(event)}\n`;
}

function legacy(event: AuditEvent): string {
  const { user, impersonatedUser, objectRef, responseStatus } = event;
  const fields: [string, string][] = [
    ["id", event.auditID],
    ["stage", event.stage],
    ["ip", (event.sourceIPs ?? []).join(",") || "<unknown>"],
    ["method", event.verb],
    ["user", user.username || "<none>"],
    ["groups", (user.groups ?? []).map((group) => JSON.stringify(group)).join(",") || "<none>"],
    ["as", impersonatedUser?.username || "<self>"],
    ["asgroups", (impersonatedUser?.groups ?? []).map((group) => JSON.stringify(group)).join(",") || "<lookup>"],
    ["user-agent", event.userAgent ?? ""],
    ["namespace", objectRef?.namespace || "<none>"],
    ["uri", event.requestURI],
    ["response", responseStatus?.code === undefined ? "<deferred>" : String(responseStatus.code)],
  ];
  return `${event.requestReceivedTimestamp} AUDIT: ${fields.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(" ")}`;
}
