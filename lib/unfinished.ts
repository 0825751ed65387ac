/**
 * Does a program's work. Where nothing is left that could finish it, Node ends the program without a word: this says that it
 * is a bug, with exit code 1.
 */
export async function finishOrTell(work: Promise<void>): Promise<void> {
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
