import { MAX_ISSUES } from "./errors.ts";
import type { Issue } from "./errors.ts";
import { decodeBytes, decodeString } from "./string-literals.ts";

export type TokenKind = "ident" | "escaped-ident" | "int" | "uint" | "double" | "string" | "bytes" | "op" | "eof";

export interface Token {
  readonly kind: TokenKind;
  /** As written. */
  readonly text: string;
  readonly pos: number;
  /** Decoded contents of a string, or the bytes of a bytes literal. */
  readonly decoded?: string | Uint8Array;
}

const SPACE = /(?:[\t\n\f\r ]|\/\/[^\n]*)+/y;
const IDENT = /[A-Za-z_][A-Za-z0-9_]*/y;
const ESCAPED_IDENT = /`[A-Za-z0-9_.\-/ ]+`/y;
const NUMBER = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?|0x[0-9a-fA-F]+[uU]?|\d+[uU]?)/y;
const ESCAPE =
  String.raw`\\(?:[abfnrtv"'\\?` +
  "`" +
  String.raw`]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[xX][0-9a-fA-F]{2}|[0-3][0-7]{2})`;
const STRING = new RegExp(
  [
    String.raw`[bB]?[rR]"""[^]*?"""`,
    String.raw`[bB]?[rR]'''[^]*?'''`,
    String.raw`[bB]?"""(?:${ESCAPE}|[^\\])*?"""`,
    String.raw`[bB]?'''(?:${ESCAPE}|[^\\])*?'''`,
    String.raw`[bB]?[rR]"[^"\n\r]*"`,
    String.raw`[bB]?[rR]'[^'\n\r]*'`,
    String.raw`[bB]?"(?:${ESCAPE}|[^\\"\n\r])*"`,
    String.raw`[bB]?'(?:${ESCAPE}|[^\\'\n\r])*'`,
  ].join("|"),
  "y",
);
const OPERATOR = /==|!=|<=|>=|&&|\|\||[<>[\]{}().,\-!?:+*/%]/y;

/** Characters of what is no token that an error text shows. */
const SHOWN = 100;

/** Cuts a source into tokens; what is none is an issue, and skipped. */
export function tokenize(source: string): { tokens: Token[]; issues: Issue[] } {
  const tokens: Token[] = [];
  const issues: Issue[] = [];
  let pos = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = pos;
    return pattern.exec(source)?.[0];
  };
  while (pos < source.length) {
    const space = match(SPACE);
    if (space !== undefined) {
      pos += space.length;
      continue;
    }
    const token = stringToken(match(STRING), pos, issues) ?? plainToken(match, pos);
    if (token === undefined) {
      const [char = ""] = Array.from(source.slice(pos, pos + 2));
      // A string that does not end takes all that follows with it: looking at each of its characters would be no use.
      const rest = /["']/.test(char) ? source.slice(pos) : char;
      issues.push({ pos, message: `Syntax error: token recognition error at: '${rest.slice(0, SHOWN)}'` });
      if (issues.length >= MAX_ISSUES) break;
      pos += rest.length;
      continue;
    }
    tokens.push(token);
    pos += token.text.length;
  }
  tokens.push({ kind: "eof", text: "<EOF>", pos: source.length });
  return { tokens, issues };
}

function plainToken(match: (pattern: RegExp) => string | undefined, pos: number): Token | undefined {
  const ident = match(IDENT);
  if (ident !== undefined) return { kind: "ident", text: ident, pos };
  const number = match(NUMBER);
  if (number !== undefined) return { kind: numberKind(number), text: number, pos };
  const escaped = match(ESCAPED_IDENT);
  if (escaped !== undefined) return { kind: "escaped-ident", text: escaped, pos };
  const operator = match(OPERATOR);
  return operator === undefined ? undefined : { kind: "op", text: operator, pos };
}

function numberKind(text: string): TokenKind {
  if (/[uU]$/.test(text)) return "uint";
  return !text.startsWith("0x") && /[.eE]/.test(text) ? "double" : "int";
}

function stringToken(text: string | undefined, pos: number, issues: Issue[]): Token | undefined {
  if (text === undefined) return undefined;
  const prefix = /^[bBrR]*/.exec(text)?.[0].toLowerCase() ?? "";
  const raw = prefix.includes("r");
  const quoted = text.slice(prefix.length);
  const width = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1;
  const body = quoted.slice(width, -width);
  try {
    if (prefix.includes("b")) {
      return { kind: "bytes", text, pos, decoded: raw ? new TextEncoder().encode(body) : decodeBytes(body) };
    }
    return { kind: "string", text, pos, decoded: raw ? body : decodeString(body) };
  } catch (error) {
    issues.push({ pos, message: error instanceof Error ? error.message : String(error) });
    return { kind: "string", text, pos, decoded: "" };
  }
}
