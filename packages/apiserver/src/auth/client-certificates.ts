// Client certificates: the common name is the user, the organizations are its groups.
import { X509Certificate, type KeyObject } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { newUnauthorized } from "@knots/machinery";
import { withAuthenticated } from "./authenticated.ts";
import type { UserInfo } from "./types.ts";

const known = new WeakMap<TLSSocket, UserInfo | null>();

/** What `subjectOf` found, a connection once. */
const subjectsOf = new WeakMap<object, WeakMap<TLSSocket, string>>();

/** Values of an attribute in a subject as Node prints it: one "KEY=value" a line. */
function attribute(subject: string, key: string): string[] {
  return subject
    .split("\n")
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
}

/** Checks the connection's certificate against the client CAs alone; one connection is checked once. */
export class ClientCertificates {
  readonly #authorities: readonly { subject: string; key: KeyObject; certificate: X509Certificate }[];

  /** `bundle`: PEM texts one after the other. */
  constructor(bundle: string) {
    this.#authorities = (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
      (pem) => {
        const certificate = new X509Certificate(pem);
        return { subject: certificate.subject, key: certificate.publicKey, certificate };
      },
    );
  }

  /** Undefined when the client showed no certificate; throws 401 for one we do not trust. */
  identify(socket: TLSSocket, now: number): UserInfo | undefined {
    const before = known.get(socket);
    if (before !== undefined) return before ?? undefined;
    const certificate = socket.getPeerX509Certificate?.();
    if (certificate === undefined) {
      known.set(socket, null);
      return undefined;
    }
    const user = this.#check(certificate, now);
    known.set(socket, user);
    return user;
  }

  /** The common name of a certificate that these authorities signed; undefined when there is none. */
  subjectOf(socket: TLSSocket, now: number): string | undefined {
    const certificate = socket.getPeerX509Certificate?.();
    if (certificate === undefined) return undefined;
    let subjects = subjectsOf.get(this);
    if (subjects === undefined) subjectsOf.set(this, (subjects = new WeakMap()));
    let name = subjects.get(socket);
    if (name === undefined) {
      try {
        ({ name } = this.#check(certificate, now));
      } catch {
        // Another authority's: another authenticator's business.
        name = "";
      }
      subjects.set(socket, name);
    }
    return name === "" ? undefined : name;
  }

  #check(certificate: X509Certificate, now: number): UserInfo {
    const authority = this.#authorities.find(
      (each) => certificate.issuer === each.subject && certificate.verify(each.key),
    );
    if (authority === undefined) throw newUnauthorized("Unauthorized");
    if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo))
      throw newUnauthorized("Unauthorized");
    // Extended key usage 1.3.6.1.5.5.7.3.2: a server's certificate is no way in.
    if (certificate.keyUsage !== undefined && !certificate.keyUsage.includes("1.3.6.1.5.5.7.3.2"))
      throw newUnauthorized("Unauthorized");
    const name = attribute(certificate.subject, "CN")[0];
    if (name === undefined || name === "") throw newUnauthorized("Unauthorized");
    return withAuthenticated({ name, groups: attribute(certificate.subject, "O") });
  }
}
