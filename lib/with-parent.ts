/** A command that is asked to end when this process dies, even of SIGKILL. Linux can do that; elsewhere it runs to its end. */
export const withParent = (program: string, args: readonly string[]): [string, ...string[]] =>
  process.platform === "linux" ? ["setpriv", "--pdeathsig", "TERM", "--", program, ...args] : [program, ...args];
