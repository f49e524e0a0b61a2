// Field selectors: equality on a few fields that a resource offers. Grammar: apimachinery's fields package.

export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

export class FieldSelector {
  readonly requirements: readonly FieldRequirement[];

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements;
  }

  get empty(): boolean {
    return this.requirements.length === 0;
  }

  matches(fields: Readonly<Record<string, string>>): boolean {
    return this.requirements.every(
      ({ field, operator, value }) => ((fields[field] ?? "") === value) === (operator === "="),
    );
  }

  toString(): string {
    return this.requirements
      .map(({ field, operator, value }) => `${field}${operator}${value.replace(/[\\,=]/g, "\\$&")}`)
      .join(",");
  }
}

/** Splits at commas that no backslash escapes. */
function terms(text: string): string[] {
  return text.match(/(?:\\.|[^,\\])+/g) ?? [];
}

/** Parses the text of a `fieldSelector` parameter. Throws SyntaxError. */
export function parseFieldSelector(text: string): FieldSelector {
  return new FieldSelector(
    terms(text).map((term) => {
      const match = /^((?:\\.|[^=!\\])*)(==|!=|=)((?:\\.|[^\\])*)$/s.exec(term);
      if (match === null) throw new SyntaxError(`invalid selector: '${text}'; can't understand '${term}'`);
      const unescape = (part: string): string => part.replace(/\\([\\,=])/g, "$1");
      return {
        field: unescape(match[1] ?? "").trim(),
        operator: match[2] === "!=" ? "!=" : "=",
        value: unescape(match[3] ?? ""),
      };
    }),
  );
}
