// How many seats a request takes: one, or for what reads many objects one for each hundred of them.

const OBJECTS_PER_SEAT = 100;
const MAX_SEATS = 10;
/** No request may take more of a level than this. */
const MAX_LEVEL_SHARE = 0.15;

export function maxSeats(nominalLimit: number): number {
  return Math.min(MAX_SEATS, Math.max(1, Math.ceil(nominalLimit * MAX_LEVEL_SHARE)));
}

export interface WorkRequest {
  readonly isResourceRequest: boolean;
  readonly verb: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly query: URLSearchParams;
}

/** `stored` counts the objects of the request's resource in its namespace; undefined: no such resource. */
export function estimateSeats(request: WorkRequest, most: number, stored: () => number | undefined): number {
  if (!request.isResourceRequest || !readsMany(request)) return 1;
  const { query } = request;
  if (/(^|,)metadata\.name==?[^,]+/.test(query.get("fieldSelector") ?? "")) return 1;
  const count = stored();
  if (count === undefined) return 1;
  const limit = Number(query.get("limit") ?? 0);
  // A page costs its own length; a selector has to look at everything.
  const selective = (query.get("fieldSelector") ?? "") !== "" || (query.get("labelSelector") ?? "") !== "";
  const objects = limit > 0 && !selective ? Math.min(limit, count) : count;
  return Math.min(most, Math.max(1, Math.ceil(objects / OBJECTS_PER_SEAT)));
}

/** Lists, and watches that begin with the current state. */
function readsMany({ verb, subresource, query }: WorkRequest): boolean {
  if (subresource !== "") return false;
  if (verb === "list" || verb === "deletecollection") return true;
  if (verb !== "watch") return false;
  const initial = query.get("sendInitialEvents");
  if (initial !== null) return initial !== "false" && initial !== "0";
  return ["", "0"].includes(query.get("resourceVersion") ?? "");
}
