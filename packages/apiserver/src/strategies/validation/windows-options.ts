// What containers on Windows are run as (upstream: validateWindowsSecurityContextOptions, validateWindowsHostProcessPod).
import type { PodSpec, WindowsSecurityContextOptions } from "@knots/api/core/v1";
import { isDNS1123Subdomain } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid } from "../field.ts";
import { forEachContainer } from "./each-container.ts";
import { invalidFor } from "./names.ts";

const MAX_SPEC = 64 * 1024;
const MAX_DOMAIN = 256;
const MAX_USER = 104;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/;
const NETBIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const DNS_LABEL = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;

export function validateWindowsOptions(
  options: WindowsSecurityContextOptions | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (options === undefined) return;
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName } = options;
  if (name !== undefined) invalidFor(isDNS1123Subdomain(name), name, path.child("gmsaCredentialSpecName"), errors);
  const at = path.child("gmsaCredentialSpec");
  if (spec === "") errors.push(invalid(at, spec, "gmsaCredentialSpec cannot be an empty string"));
  else if (spec !== undefined && Buffer.byteLength(spec) > MAX_SPEC)
    errors.push(invalid(at, spec, "gmsaCredentialSpec size must be under 64 KiB"));
  if (runAsUserName !== undefined) validateUserName(runAsUserName, path.child("runAsUserName"), errors);
}

/** "USER" or "DOMAIN\USER". */
function validateUserName(name: string, path: FieldPath, errors: FieldError[]): void {
  const refuse = (why: string): void => void errors.push(invalid(path, name, `runAsUserName${why}`));
  const parts = name.split("\\");
  if (name === "") return refuse(" cannot be an empty string");
  if (CONTROL.test(name)) return refuse(" cannot contain control characters");
  if (parts.length > 2) return refuse(" cannot contain more than one backslash");
  const user = parts.at(-1) ?? "";
  const domain = parts.length === 2 ? (parts[0] ?? "") : undefined;
  if (domain !== undefined) {
    if (Buffer.byteLength(domain) >= MAX_DOMAIN) refuse("'s Domain length must be under 256 characters");
    if (!NETBIOS.test(domain) && !domain.split(".").every((label) => DNS_LABEL.test(label)))
      refuse("'s Domain doesn't match the NetBios nor the DNS format");
  }
  if (user === "") refuse("'s User cannot be empty");
  else if (Buffer.byteLength(user) > MAX_USER) refuse("'s User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(user)) refuse("'s User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) refuse(`'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]`);
}

/** Of a pod's containers all are processes of the host, or none is. */
export function validateHostProcesses(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let [all, onHost] = [0, 0];
  forEachContainer(spec, ({ securityContext }, list, index) => {
    const own = securityContext?.windowsOptions?.hostProcess;
    all++;
    if (own ?? ofPod) onHost++;
    if (own === undefined || ofPod === undefined || own === ofPod) return;
    const at = path.child(list).index(index).child("securityContext", "windowsOptions", "hostProcess");
    errors.push(invalid(at, own, `pod hostProcess value must be identical if both are specified, was ${ofPod}`));
  });
  if (onHost === 0) return;
  if (onHost !== all) {
    const why = "If pod contains any hostProcess containers then all containers must be HostProcess containers";
    errors.push(invalid(path, "", why));
  }
  if (spec.hostNetwork === true) return;
  const why = "hostNetwork must be true if pod contains any hostProcess containers";
  errors.push(invalid(path.child("hostNetwork"), false, why));
}
