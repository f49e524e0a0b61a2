// Impersonation: a user with the right verbs acts as another (Impersonate-User, -Group, -Uid, -Extra-*).
import { newBadRequest, newForbidden } from "@knots/machinery";
import type { ApiRequest } from "../http/types.ts";
import { withAuthenticated } from "./authenticated.ts";
import { extrasOf, linesOf } from "./header-lines.ts";
import type { Authorizer, UserInfo } from "./types.ts";

export function createImpersonator(
  authorizer: Authorizer,
): (user: UserInfo, request: ApiRequest) => UserInfo | Promise<UserInfo> {
  const check = async (
    user: UserInfo,
    apiGroup: string,
    resource: string,
    subresource: string,
    namespace: string,
    name: string,
  ): Promise<void> => {
    const decision = await authorizer.authorize({
      user,
      verb: "impersonate",
      namespace,
      apiGroup,
      apiVersion: "v1",
      resource,
      subresource,
      name,
      resourceRequest: true,
      path: "",
    });
    if (decision.allowed !== "allow") {
      throw newForbidden(
        { group: apiGroup, resource },
        name,
        `User "${user.name}" cannot impersonate resource "${resource}" in API group "${apiGroup}"${namespace === "" ? " at the cluster scope" : ` in the namespace "${namespace}"`}`,
      );
    }
  };
  const impersonate = async (user: UserInfo, request: ApiRequest): Promise<UserInfo> => {
    const lines = linesOf(request.rawHeaders);
    const [name = ""] = lines.get("impersonate-user") ?? [];
    const groups = lines.get("impersonate-group") ?? [];
    const [uid] = lines.get("impersonate-uid") ?? [];
    const extra = extrasOf(lines, ["impersonate-extra-"]);
    if (name === "") throw newBadRequest("requested impersonation without impersonating a user");
    const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
    if (account === null) await check(user, "", "users", "", "", name);
    else await check(user, "", "serviceaccounts", "", account[1] ?? "", account[2] ?? "");
    for (const group of groups) await check(user, "", "groups", "", "", group);
    if (uid !== undefined) await check(user, "authentication.k8s.io", "uids", "", "", uid);
    for (const [key, each] of Object.entries(extra))
      for (const value of each) await check(user, "authentication.k8s.io", "userextras", key, "", value);
    const implied =
      groups.length > 0 || account === null
        ? groups
        : ["system:serviceaccounts", `system:serviceaccounts:${account[1] ?? ""}`];
    const acting: UserInfo = {
      name,
      groups: implied,
      ...(uid === undefined ? {} : { uid }),
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    };
    return name === "system:anonymous" ? acting : withAuthenticated(acting);
  };
  return (user, request) => {
    for (const key in request.headers) if (key.startsWith("impersonate-")) return impersonate(user, request);
    return user;
  };
}
