/** An error whose message is all that the person needs: what is wrong and what to do next. Printed without a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
}
