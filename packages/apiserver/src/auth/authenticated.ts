import type { UserInfo } from "./types.ts";

/** Everybody who proved who they are is in system:authenticated. */
export function withAuthenticated(user: UserInfo): UserInfo {
  return user.groups.includes("system:authenticated")
    ? user
    : { ...user, groups: [...user.groups, "system:authenticated"] };
}
