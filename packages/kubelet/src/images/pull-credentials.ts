/** imagePullSecrets → the credentials to try for an image. */
import type { Secret } from "@knots/api/core/v1";
import { AuthConfig } from "../generated/cri.ts";
import { registryOf } from "./reference.ts";

interface DockerAuth {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

/** Credentials of all secrets whose registry (and path) covers the image, the most specific first. Unreadable secrets are skipped. */
export function pullCredentials(secrets: readonly Secret[], image: string): AuthConfig[] {
  const { registry, repository } = registryOf(image);
  const target = `${registry}/${repository}`;
  const found: { specificity: number; auth: AuthConfig }[] = [];
  for (const secret of secrets) {
    for (const [key, auth] of Object.entries(dockerAuths(secret))) {
      const pattern = normalize(key);
      if (!covers(pattern, target)) continue;
      found.push({ specificity: pattern.length, auth: toAuthConfig(auth, registry) });
    }
  }
  return found.toSorted((a, b) => b.specificity - a.specificity).map((entry) => entry.auth);
}

function dockerAuths(secret: Secret): Record<string, DockerAuth> {
  try {
    const modern = secret.data?.[".dockerconfigjson"];
    if (modern !== undefined) {
      return (
        (JSON.parse(Buffer.from(modern, "base64").toString("utf8")) as { auths?: Record<string, DockerAuth> }).auths ??
        {}
      );
    }
    const legacy = secret.data?.[".dockercfg"];
    return legacy === undefined
      ? {}
      : (JSON.parse(Buffer.from(legacy, "base64").toString("utf8")) as Record<string, DockerAuth>);
  } catch {
    // A secret that is not what its type promises gives no credentials; the pull then says what the registry says.
    return {};
  }
}

/** "https://index.docker.io/v1/" and its kin are docker.io. */
function normalize(key: string): string {
  const bare = key
    .replace(/^https?:\/\//, "")
    .replace(/\/(v1|v2)\/?$/, "")
    .replace(/\/+$/, "");
  return bare.replace(/^(index|registry-1)\.docker\.io/, "docker.io");
}

/** "*.example.com" matches one label; a path matches whole components. */
function covers(pattern: string, target: string): boolean {
  const [patternHost = "", ...patternPath] = pattern.split("/");
  const [host = "", ...path] = target.split("/");
  const wanted = patternHost.split(".");
  const given = host.split(".");
  if (wanted.length !== given.length) return false;
  const hostFits = wanted.every((label, i) => {
    const regex = new RegExp(
      `^${label
        .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
        .replaceAll("*", ".*")
        .replaceAll("?", ".")}$`,
    );
    return regex.test(given[i] ?? "");
  });
  return hostFits && patternPath.every((component, i) => path[i] === component);
}

function toAuthConfig(auth: DockerAuth, registry: string): AuthConfig {
  let username = auth.username ?? "";
  let password = auth.password ?? "";
  if (username === "" && auth.auth !== undefined) {
    const [user = "", ...rest] = Buffer.from(auth.auth, "base64").toString("utf8").split(":");
    username = user;
    password = rest.join(":");
  }
  return AuthConfig.create({
    username,
    password,
    serverAddress: registry,
    identityToken: auth.identitytoken ?? "",
    registryToken: auth.registrytoken ?? "",
  });
}
