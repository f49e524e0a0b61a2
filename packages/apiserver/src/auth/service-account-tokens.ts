// Service-account tokens: JWTs bound to what they were made for, checked against the live objects (KEP-1205).
import { createHash, createPrivateKey, createPublicKey, randomUUID, type KeyObject } from "node:crypto";
import { exportJWK, jwtVerify, SignJWT, type JWK, type JWTPayload } from "jose";
import { nodes, pods, secrets, serviceAccounts } from "@knots/api/core/v1";
import type { Secret } from "@knots/api/core/v1";
import { newUnauthorized, type Clock, type KubeObject, type ResourceType } from "@knots/machinery";
import type { ObjectSource } from "../registry/object-source.ts";
import { withAuthenticated } from "./authenticated.ts";
import { LEGACY_ISSUER, legacyUser } from "./legacy-tokens.ts";
import type { UserInfo } from "./types.ts";

interface Reference {
  name: string;
  uid: string;
}

interface Claims {
  namespace: string;
  serviceaccount: Reference;
  pod?: Reference;
  node?: Reference;
  secret?: Reference;
  warnafter?: number;
}

/** A token outlives its object's deletion by this much, for a graceful end. */
const DELETION_GRACE_MS = 60_000;

/** Tokens whose signature was found good; a cluster's pods have no more than that at a time. */
const MAX_VERIFIED = 10_000;

interface Verified {
  readonly user: UserInfo;
  readonly audiences: readonly string[];
  readonly claims: Claims;
  /** Seconds since the epoch. */
  readonly expires: number;
}

export interface TokenRequest {
  readonly account: KubeObject;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly pod?: KubeObject & { spec?: { nodeName?: string } };
  readonly secret?: KubeObject;
  readonly node?: KubeObject;
}

export class ServiceAccountTokens {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  readonly #algorithm: "RS256" | "ES256";
  readonly #keyId: string;
  readonly #objects: ObjectSource;
  readonly #clock: Clock;
  /** By token and wanted audiences. A signature is checked once; whether what it speaks of is still there, each time. */
  readonly #verified = new Map<string, Verified>();
  readonly #usedLegacy: (secret: Secret) => void;

  constructor(options: {
    keyPem: string;
    issuer: string;
    audiences: readonly string[];
    objects: ObjectSource;
    clock: Clock;
    /** Told of each Secret whose token was used. */
    usedLegacy?: (secret: Secret) => void;
  }) {
    this.issuer = options.issuer;
    this.audiences = options.audiences;
    this.#private = createPrivateKey(options.keyPem);
    this.#public = createPublicKey(this.#private);
    this.#algorithm = this.#private.asymmetricKeyType === "ec" ? "ES256" : "RS256";
    this.#keyId = createHash("sha256")
      .update(this.#public.export({ type: "spki", format: "der" }))
      .digest("base64url");
    this.#objects = options.objects;
    this.#clock = options.clock;
    this.#usedLegacy = options.usedLegacy ?? (() => undefined);
  }

  /** The public key for /openid/v1/jwks. */
  async jwks(): Promise<{ keys: JWK[] }> {
    return { keys: [{ ...(await exportJWK(this.#public)), use: "sig", kid: this.#keyId, alg: this.#algorithm }] };
  }

  get algorithm(): string {
    return this.#algorithm;
  }

  /** Signs a token; answers it and its end in milliseconds since the epoch. */
  async issue(request: TokenRequest): Promise<{ token: string; expires: number }> {
    const { account } = request;
    const now = Math.floor(this.#clock.now() / 1000);
    const reference = (object: KubeObject | undefined): Reference | undefined =>
      object === undefined ? undefined : { name: object.metadata?.name ?? "", uid: object.metadata?.uid ?? "" };
    const nodeName = request.pod?.spec?.nodeName;
    const node = request.node ?? (nodeName === undefined ? undefined : this.#objects.get(nodes, undefined, nodeName));
    const claims: Claims = {
      namespace: account.metadata?.namespace ?? "",
      serviceaccount: reference(account) ?? { name: "", uid: "" },
      ...(request.pod === undefined ? {} : { pod: reference(request.pod) as Reference }),
      ...(node === undefined ? {} : { node: reference(node) as Reference }),
      ...(request.secret === undefined ? {} : { secret: reference(request.secret) as Reference }),
      // Pods get tokens that last longer than they ask, and are told to renew in time.
      ...(request.expirationSeconds === 3607 ? { warnafter: now + 3607 } : {}),
    };
    const seconds = request.expirationSeconds === 3607 ? 31_536_000 : request.expirationSeconds;
    const payload: JWTPayload = { "kubernetes.io": claims };
    const token = await new SignJWT(payload)
      .setProtectedHeader({ alg: this.#algorithm, kid: this.#keyId })
      .setIssuer(this.issuer)
      .setSubject(`system:serviceaccount:${claims.namespace}:${claims.serviceaccount.name}`)
      .setAudience([...request.audiences])
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + seconds)
      .setJti(randomUUID())
      .sign(this.#private);
    return { token, expires: (now + request.expirationSeconds) * 1000 };
  }

  /** Who the token stands for; undefined when it is not one of ours at all. Throws 401 when it is and is not good. */
  async verify(
    token: string,
    audiences: readonly string[] = this.audiences,
  ): Promise<{ user: UserInfo; audiences: readonly string[] } | undefined> {
    const key = `${audiences.join(" ")} ${token}`;
    const known = this.#verified.get(key);
    if (known !== undefined && known.expires * 1000 > this.#clock.now()) {
      this.#checkAlive(known.claims);
      return known;
    }
    const issuer = this.#issuerOf(token);
    if (issuer === LEGACY_ISSUER) return await this.#verifyLegacy(token, audiences);
    if (issuer !== this.issuer) return undefined;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, this.#public, {
        issuer: this.issuer,
        algorithms: [this.#algorithm],
        audience: [...audiences],
        currentDate: new Date(this.#clock.now()),
      }));
    } catch {
      throw newUnauthorized("Unauthorized");
    }
    const claims = payload["kubernetes.io"] as Claims | undefined;
    if (claims === undefined) throw newUnauthorized("Unauthorized");
    this.#checkAlive(claims);
    const granted = [payload.aud ?? []].flat().filter((audience) => audiences.includes(audience));
    const verified = { user: userOf(claims, payload.jti), audiences: granted, claims, expires: payload.exp ?? 0 };
    if (this.#verified.size >= MAX_VERIFIED) this.#verified.clear();
    this.#verified.set(key, verified);
    return verified;
  }

  /** Such a token names no audience: it is good for this server's own. */
  async #verifyLegacy(
    token: string,
    audiences: readonly string[],
  ): Promise<{ user: UserInfo; audiences: readonly string[] }> {
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, this.#public, {
        issuer: LEGACY_ISSUER,
        algorithms: [this.#algorithm],
        currentDate: new Date(this.#clock.now()),
      }));
    } catch {
      throw newUnauthorized("Unauthorized");
    }
    const granted = audiences.filter((audience) => this.audiences.includes(audience));
    if (granted.length === 0) throw newUnauthorized("Unauthorized");
    const { user, secret } = legacyUser(payload, token, this.#objects);
    this.#usedLegacy(secret);
    return { user: withAuthenticated(user), audiences: granted };
  }

  #issuerOf(token: string): string | undefined {
    try {
      return (JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as JWTPayload).iss;
    } catch {
      return undefined;
    }
  }

  #checkAlive(claims: Claims): void {
    this.#check(serviceAccounts, claims.namespace, claims.serviceaccount);
    if (claims.pod !== undefined) this.#check(pods, claims.namespace, claims.pod);
    else if (claims.node !== undefined) this.#check(nodes, undefined, claims.node);
    if (claims.secret !== undefined) this.#check(secrets, claims.namespace, claims.secret);
  }

  #check(of: ResourceType, namespace: string | undefined, reference: Reference): void {
    const object = this.#objects.get(of, namespace, reference.name);
    if (object === undefined || object.metadata?.uid !== reference.uid) throw newUnauthorized("Unauthorized");
    const deleted = object.metadata.deletionTimestamp;
    if (deleted !== undefined && Date.parse(deleted) + DELETION_GRACE_MS < this.#clock.now())
      throw newUnauthorized("Unauthorized");
  }
}

function userOf(claims: Claims, id: string | undefined): UserInfo {
  const extra: Record<string, string[]> = {};
  if (id !== undefined) extra["authentication.kubernetes.io/credential-id"] = [`JTI=${id}`];
  if (claims.pod !== undefined) {
    extra["authentication.kubernetes.io/pod-name"] = [claims.pod.name];
    extra["authentication.kubernetes.io/pod-uid"] = [claims.pod.uid];
  }
  if (claims.node !== undefined) {
    extra["authentication.kubernetes.io/node-name"] = [claims.node.name];
    extra["authentication.kubernetes.io/node-uid"] = [claims.node.uid];
  }
  return withAuthenticated({
    name: `system:serviceaccount:${claims.namespace}:${claims.serviceaccount.name}`,
    uid: claims.serviceaccount.uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${claims.namespace}`],
    extra,
  });
}
