// Names that initiators and targets of iSCSI have: RFC 3720.
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, required } from "../field.ts";
import { rangeMessage } from "./names.ts";

const IQN = /iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+$/;
const EUI = /^eui.[A-Za-z0-9]{16}$/;
const NAA = /^naa.[A-Za-z0-9]{32}$/;
const FORMS: readonly (readonly [prefix: string, form: RegExp])[] = [
  ["iqn", IQN],
  ["eui", EUI],
  ["naa", NAA],
];
/** They have 223 bytes at most; in what is much longer an expression would look for long. */
const MAX_NAME = 1024;
const MAX_LUN = 255;
/** What a node calls such a volume has to fit into this. */
const MAX_TOGETHER = 64;

interface Source {
  readonly targetPortal: string;
  readonly iqn: string;
  readonly lun: number;
  readonly chapAuthDiscovery?: boolean;
  readonly chapAuthSession?: boolean;
  readonly secretRef?: unknown;
  readonly initiatorName?: string;
}

/** `unknownForm` is said of names that begin otherwise. */
export function validateIscsi(source: Source, unknownForm: string, path: FieldPath, errors: FieldError[]): void {
  const { targetPortal, iqn, initiatorName } = source;
  const lun = source.lun ?? 0;
  if (!targetPortal) errors.push(required(path.child("targetPortal")));
  if (!iqn) errors.push(required(path.child("iqn")));
  else validateName(iqn, unknownForm, path.child("iqn"), errors);
  if (lun < 0 || lun > MAX_LUN) errors.push(invalid(path.child("lun"), lun, rangeMessage(0, MAX_LUN)));
  if ((source.chapAuthDiscovery === true || source.chapAuthSession === true) && source.secretRef === undefined)
    errors.push(required(path.child("secretRef")));
  if (initiatorName !== undefined) validateName(initiatorName, unknownForm, path.child("initiatorname"), errors);
}

function validateName(name: string, unknownForm: string, path: FieldPath, errors: FieldError[]): void {
  const form = FORMS.find(([prefix]) => name.startsWith(prefix))?.[1];
  if (form === undefined) errors.push(invalid(path, name, unknownForm));
  else if (name.length > MAX_NAME || !form.test(name)) errors.push(invalid(path, name, "must be valid format"));
}

/** Of a volume's name and its portal, where the initiator has a name. */
export function isTooLongTogether(name: string, { initiatorName, targetPortal = "" }: Partial<Source>): boolean {
  return initiatorName !== undefined && Buffer.byteLength(`${name}:${targetPortal}`) > MAX_TOGETHER;
}

export const TOO_LONG_TOGETHER =
  "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
