/** $(NAME) references in commands, arguments and environment values. */

/** Replaces `$(NAME)`; `$$` is a literal `$`; a name that `lookup` does not know stays as it was written. */
export function expand(input: string, lookup: (name: string) => string | undefined): string {
  let out = "";
  let from = 0;
  for (let at = input.indexOf("$"); at !== -1 && at + 1 < input.length; at = input.indexOf("$", from)) {
    out += input.slice(from, at);
    const next = input[at + 1];
    if (next === "$") {
      out += "$";
      from = at + 2;
    } else if (next === "(") {
      const end = input.indexOf(")", at + 2);
      if (end === -1) {
        // An unfinished reference is text.
        out += "$(";
        from = at + 2;
      } else {
        const name = input.slice(at + 2, end);
        out += lookup(name) ?? `$(${name})`;
        from = end + 1;
      }
    } else {
      // `$x` is not a reference: both characters stand for themselves.
      out += `$${next ?? ""}`;
      from = at + 2;
    }
  }
  return out + input.slice(from);
}
