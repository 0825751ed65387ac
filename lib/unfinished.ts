/**
 * Does a program's work. If nothing is left that could finish it, Node would end the program without a message; this
 * reports a bug and exits with code 1.
 */
export async function finishOrReport(work: Promise<void>): Promise<void> {
  const tell = () => {
    process.stderr.write(
      "This ended without finishing, and doesn't know why: a bug of piinit. Run it again, and please report it with the lines above.\n",
    );
    process.exitCode = 1;
  };
  process.once("beforeExit", tell);
  try {
    await work;
  } finally {
    process.off("beforeExit", tell);
  }
}
